"""train: the loop from the source's tables to a registered release, one task per step of the table.

DVC decides what has to run; Prefect decides when, retries what was interrupted, and shows it. Nothing is cached here.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from components.core.config import PARAMS_FILE, read_params
from components.steps.runner import check_params
from components.steps.table import TRAIN_PREFIX, Step, table
from components.tracking import runs
from flows.closing import print_closing
from flows.places import print_places
from flows.repro import Outcome, StepInterruptedError, bring_up_to_date
from flows.standing import CHECKS

AT_ONCE = 2


def _was_interrupted(_task: Any, _run: Any, state: Any) -> bool:
    return isinstance(state.result(raise_on_failure=False), StepInterruptedError)


@task(
    task_run_name="{name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=1,
    retry_delay_seconds=5,
    retry_condition_fn=_was_interrupted,
)
def bring(name: str, parent: str) -> Outcome:
    """Bring one step up to date and make sure that MLflow knows the execution that made its outputs."""
    root = Path.cwd()
    step = table(read_params(root / PARAMS_FILE))[name]
    logger = get_run_logger()
    reads_registry = name in CHECKS
    force = reads_registry and not CHECKS[name](root)
    outcome = bring_up_to_date(step, root, parent, logger.info, force=force, run_cache=not reads_registry)
    return replace(outcome, run_id=runs.record(outcome.receipt.record(root), parent, root))


@flow(name="train", task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE), persist_result=False)
def train(say_where: bool = True) -> list[Outcome]:
    """Run every step that is not up to date, and end with the closing tables.

    say_where  also print where to look; `python -m flows run` says it once, when all reports are there
    """
    started = time.monotonic()
    root = Path.cwd()
    params = read_params(root / PARAMS_FILE)
    steps = check_params(params, root)
    with runs.tracked("train", params={"seed": params["seed"]}, root=root) as run:
        futures: dict[str, PrefectFuture] = {}
        for step in in_order(list(steps.values())):
            needed = [futures[name] for name in upstream(step, steps)]
            futures[step.name] = bring.submit(step.name, run.run_id, wait_for=needed)
        outcomes = [futures[name].result() for name in steps]
    print_closing(outcomes, time.monotonic() - started, root)
    if say_where:
        print_places(root)
    return outcomes


def upstream(step: Step, steps: dict[str, Step]) -> list[str]:
    """Names of the steps that write what this one reads."""
    return [other.name for other in steps.values() if set(other.writes) & set(step.reads)]


def in_order(steps: list[Step]) -> list[Step]:
    """Table order, with one deep model before and the others after the light ones, so that they overlap with those."""
    models = [s for s in steps if s.name.startswith(TRAIN_PREFIX)]
    deep = [s for s in models if any(file.startswith("components/deep/") for file in s.code)]
    light = [s for s in models if s not in deep]
    first = steps.index(models[0])
    others = [s for s in steps if s not in models]
    return [*others[:first], *deep[:1], *light, *deep[1:], *others[first:]]
