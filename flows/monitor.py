"""monitor: whether the newest window of time has moved away from what the release was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from components.core import layout
from components.core.config import PARAMS_FILE, parse, read_params
from components.quality import drift_report
from components.quality.drift import DriftThresholds, drift
from components.quality.windows import columns
from components.splits import store
from components.tracking import runs

FOLDER = layout.MONITORING / "drift"


@task(cache_policy=NO_CACHE, persist_result=False)
def compare(thresholds: DriftThresholds, rows: int, seed: int) -> dict[str, Any]:
    """Describe both windows by the same columns, compare them, and write the report."""
    root = Path.cwd()
    fold, items = root / layout.SPLIT / layout.TEST_FOLD, root / layout.CLEAN / "items.parquet"
    reference, current = (columns(fold / name, items, rows, seed) for name in (store.HISTORY, store.TARGET))
    found = drift(reference, current, thresholds)
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
        report = compare(limits, rows, read_params(root / PARAMS_FILE)["seed"])
        run.metrics(drift_report.metrics(report))
        run.tags({"drifted": ", ".join(report["drifted"]) or "nothing"})
        run.artifact(root / FOLDER)
    return report["drifted"]
