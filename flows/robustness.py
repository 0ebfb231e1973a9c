"""robustness: the champion as it is served, asked again with worse histories of today's test users."""

from __future__ import annotations

import tempfile
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from components.core import bundle, layout
from components.core.config import PARAMS_FILE, parse, read_params
from components.core.errors import ReleaseError
from components.release.load import load
from components.robustness import page
from components.robustness.report import Report, StressConfig, assemble, metrics
from components.robustness.subjects import release_subjects, sample
from components.splits import store
from components.steps.runner import step_values
from components.steps.table import table
from components.tracking import runs
from components.tracking.registry import CHAMPION, ModelRegistry

# Beside the drift report, not in artifacts/robustness: that folder belongs to the step of the loop.
FOLDER = layout.MONITORING / "robustness"


@task(cache_policy=NO_CACHE, persist_result=False)
def stress_champion(config: StressConfig, seed: int) -> Report:
    """Fetch the champion, stress it, write the report."""
    root = Path.cwd()
    registry = ModelRegistry(root=root)
    champion = registry.at_alias(CHAMPION)
    if champion is None:
        raise ReleaseError("robustness: there is no champion to stress; `make run` trains and registers the first.")
    data = store.load_dataset(root / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    trial = sample(data, root, layout.TEST_FOLD, config.users, seed)
    with tempfile.TemporaryDirectory() as below:
        hybrid = load(registry.fetch(champion, Path(below))).hybrid
        report = assemble(config, release_subjects(hybrid, config.baseline, data), trial, seed)
    with bundle.replacing(root / FOLDER) as fresh:
        page.write(report | {"release": champion.version}, fresh)
    return report | {"release": champion.version}


@flow(name="robustness", persist_result=False)
def robustness(users: int | None = None) -> bool:
    """Stress the champion as params.yaml: stress says; returns whether it is robust enough.

    users  how many are asked; None takes it from params.yaml
    """
    root = Path.cwd()
    params = read_params(root / PARAMS_FILE)
    changes = {} if users is None else {"users": users}
    values = step_values(table(params)["stress"], params) | changes
    config = parse(StressConfig, values, f"{PARAMS_FILE}: stress")
    with runs.tracked("robustness", params=config.model_dump(mode="json"), root=root) as run:
        report = stress_champion(config, params["seed"])
        run.metrics(metrics(report))
        run.tags({"release": report["release"]})
        for name in page.FILES:
            run.artifact(root / FOLDER / name)
    return report["passed"]
