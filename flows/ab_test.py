"""ab_test: an experiment on the running service, its traffic replayed from held-out baskets, and its read-out."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from components.core import layout, rng
from components.core.config import PARAMS_FILE, parse, read_params
from components.core.progress import track
from components.data import engine
from components.data.engine import EngineConfig
from components.experiments import report
from components.experiments.design import Experiment
from components.experiments.exposures import read_exposures, reconcile
from components.experiments.replay import Served, held_out_baskets, replay
from components.online.address import open_store
from components.quality.exposures import judge_exposures
from components.splits import store
from components.steps.defaults import baseline
from components.tracking import runs
from flows import serving


@task(cache_policy=NO_CACHE, persist_result=False)
def play(experiment: Experiment, url: str, users: int, baskets_each: int, k: int) -> list[Served]:
    """Replay held-out baskets against the service at `url`, oldest first."""
    root = Path.cwd()
    draw = rng.stream(read_params(root / PARAMS_FILE)["seed"], "ab_test")
    target = root / layout.SPLIT / layout.TEST_FOLD / store.TARGET
    baskets = held_out_baskets(target, users, baskets_each, draw)
    return replay(track(baskets, "replayed baskets"), partial(serving.post, url), experiment.name, k)


@task(cache_policy=NO_CACHE, persist_result=False)
def read_out(experiment: Experiment, served: list[Served], state: Path | None, k: int) -> report.Report:
    """Hold the answers against the service's own log, check the split, estimate, and write the report."""
    exposures = None
    if state is not None:
        exposures = read_exposures(open_store(state, None), experiment.name)
        reconcile(served, exposures)
        _trust(exposures, Path.cwd())
    found = report.assemble(experiment, served, k)
    report.write(found, served, exposures, Path.cwd() / layout.EXPERIMENTS / experiment.name)
    return found


@flow(name="ab_test", persist_result=False)
def ab_test(
    experiment: str = "demo",
    treatment_model: str | None = None,
    treatment_share: float = 0.5,
    url: str | None = None,
    users: int = 300,
    baskets_each: int = 2,
    k: int = 10,
) -> str:
    """Compare the champion's ranker with one of its models; returns the verdict on the treatment in words.

    experiment    its name: salt of the assignment and folder of the report
    treatment_model  one of the release's models; None takes the simple one that stands beside the ranker in reports
    url           a service that runs this experiment and does not know the baskets yet; None starts one with an
                  empty state for the length of the flow
    users         how many are replayed, drawn at random
    baskets_each  baskets replayed of every user, at most
    """
    root = Path.cwd()
    shares = {"control": 1 - treatment_share, "treatment": treatment_share}
    treatment_model = treatment_model or baseline(read_params(root / PARAMS_FILE))
    values = {"name": experiment, "shares": shares, "treatment_model": treatment_model}
    design = parse(Experiment, values, "experiment")
    params = design.model_dump() | {"users": users, "baskets_each": baskets_each, "k": k}
    with runs.tracked("ab_test", params=params, root=root) as run:
        found = _on(design, url, users, baskets_each, k)
        run.metrics(report.metrics(found))
        run.tags({"verdict": found["verdict"], "traffic": "replayed", "release": ", ".join(found["releases"])})
        run.artifact(root / layout.EXPERIMENTS / experiment)
    return found["verdict"]


def _trust(exposures: pa.Table, root: Path) -> None:
    """Hold the log to the suite of exposures; DataError if it fails."""
    limits = parse(EngineConfig, read_params(root / PARAMS_FILE)["engine"], f"{PARAMS_FILE}: engine")
    settings = engine.settings(limits.memory_limit_gb, limits.threads)
    judge_exposures(exposures, root / layout.CLEAN / "items.parquet", root / layout.EXPECTATIONS, settings)


def _on(design: Experiment, url: str | None, users: int, baskets_each: int, k: int) -> report.Report:
    """Run the experiment on the service at `url`, or on one of its own."""
    if url is not None:
        return read_out(design, play(design, url, users, baskets_each, k), None, k)
    with tempfile.TemporaryDirectory() as below:
        state = Path(below)
        settings = {"SHOPLOOP_EXPERIMENT": design.model_dump_json(), "SHOPLOOP_STATE": str(state)}
        with serving.own_service(Path.cwd(), settings, state / "service.log") as own:
            served = play(design, own, users, baskets_each, k)
        return read_out(design, served, state, k)
