"""monitor: whether the newest window of time has moved away from what the release was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from components.core import layout, rng
from components.core.config import PARAMS_FILE, parse, read_params
from components.data.source import SourceChoice
from components.quality import drift_report
from components.quality.drift import DriftThresholds, drift
from components.quality.windows import compared
from components.splits import store
from components.tracking import runs

FOLDER = layout.MONITORING / "drift"


@task(cache_policy=NO_CACHE, persist_result=False)
def compare(thresholds: DriftThresholds, rows: int, params: dict[str, Any]) -> dict[str, Any]:
    """Describe both windows by the same columns, at the shop's clock, compare them, and write the report."""
    root = Path.cwd()
    shop = parse(SourceChoice, params["source"], f"{PARAMS_FILE}: source").open()
    fold, items = root / layout.SPLIT / layout.TEST_FOLD, root / layout.CLEAN / "items.parquet"
    windows = (fold / store.HISTORY, fold / store.TARGET)
    reference, current = compared(*windows, items, rows, params["seed"], shop.local_time_zone)
    found = drift(reference, current, thresholds, rng.stream(params["seed"], "monitor"))
    report = drift_report.summarise(found, "the history the models were fitted on", "the newest window")
    drift_report.write(report, reference, current, root / FOLDER)
    return report


@flow(name="monitor", persist_result=False)
def monitor(rows: int = 50_000, thresholds: dict[str, float] | None = None) -> list[str]:
    """Drift of the test fold's target window against its history; returns the columns that drifted.

    rows        lines and baskets of each window that are compared, drawn at random
    thresholds  as in components/quality/drift.py: DriftThresholds; None takes the defaults
    """
    root = Path.cwd()
    limits = parse(DriftThresholds, thresholds, "monitor: thresholds")
    with runs.tracked("monitor", params=limits.model_dump() | {"rows": rows}, root=root) as run:
        report = compare(limits, rows, read_params(root / PARAMS_FILE))
        run.metrics(drift_report.metrics(report))
        run.tags({"drifted": ", ".join(report["drifted"]) or "nothing"})
        run.artifact(root / FOLDER)
    return report["drifted"]
