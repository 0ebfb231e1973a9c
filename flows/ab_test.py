"""ab_test: an experiment on the running service, its traffic replayed from held-out baskets, and its read-out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from components.core import layout, rng
from components.core.config import PARAMS_FILE, parse, read_params
from components.core.progress import track
from components.experiments import report
from components.experiments.design import Experiment
from components.experiments.replay import held_out_baskets, replay
from components.splits import store
from components.tracking import runs
from flows import serving

EXPERIMENT_SETTING = "SHOPLOOP_EXPERIMENT"
DEMO = {
    "control": {"share": 0.5, "policy": "household_recency"},
    "treatment": {"share": 0.5, "policy": "ranker"},
}


@task(cache_policy=NO_CACHE, persist_result=False)
def play_and_read_out(experiment: Experiment, url: str, households: int, baskets_each: int, k: int) -> report.Report:
    """Replay baskets against the service at `url`, then check the split, estimate, and write the report."""
    root = Path.cwd()
    draw = rng.stream(read_params(root / PARAMS_FILE)["seed"], "ab_test")
    target = root / layout.SPLIT / layout.TEST_FOLD / store.TARGET
    baskets = held_out_baskets(target, households, baskets_each, draw)
    served = replay(track(baskets, "replayed baskets"), partial(serving.post, url), experiment.name, k)
    found = report.assemble(experiment, served, k)
    report.write(found, served, root / layout.EXPERIMENTS / experiment.name)
    return found


@flow(name="ab_test", persist_result=False)
def ab_test(
    experiment: str = "demo",
    variants: dict[str, Any] | None = None,
    url: str | None = None,
    households: int = 300,
    baskets_each: int = 2,
    k: int = 10,
) -> str:
    """Compare two policies of the champion and return the verdict on the treatment in words.

    experiment    its name: salt of the assignment and folder of the report
    variants      control, then treatment: {"share", "policy"}; None compares household_recency with the ranker
    url           a service that runs this experiment; None starts one for the length of the flow
    baskets_each  baskets replayed of every household, at most
    """
    root = Path.cwd()
    design = parse(Experiment, {"name": experiment, "variants": variants or DEMO}, "experiment")
    params = design.model_dump() | {"households": households, "baskets_each": baskets_each, "k": k}
    with runs.tracked("ab_test", params=params, root=root) as run:
        if url:
            found = play_and_read_out(design, url, households, baskets_each, k)
        else:
            settings = {EXPERIMENT_SETTING: design.model_dump_json()}
            log = root / layout.EXPERIMENTS / f"{experiment}.service.log"
            with serving.own_service(root, settings, log) as own:
                found = play_and_read_out(design, own, households, baskets_each, k)
        run.metrics(report.metrics(found))
        run.tags({"verdict": found["verdict"], "traffic": "replayed", "release": ", ".join(found["releases"])})
        for name in report.FILES:
            run.artifact(root / layout.EXPERIMENTS / experiment / name)
    return found["verdict"]
