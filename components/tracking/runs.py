"""Runs: every flow is an MLflow run, and every component it ran is a run nested under it.

MLflow is called through MlflowClient with explicit run ids (its fluent API loses the active run in worker threads), and
imported only when there is something to log: the import alone costs three CPU seconds a process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import environment
from components.tracking import location

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT_TAG = "mlflow.parentRunId"
EXECUTION_TAG = "execution"
LONGEST_PARAM = 500
PARAMS_PER_CALL = 100
METRICS_PER_CALL = 1000


@dataclass(frozen=True)
class Record:
    """One finished execution of a component, as told to MLflow.

    execution         unique id; an execution is recorded once, however often it is offered
    started, ended    unix seconds
    params            the configuration, may be nested
    metrics, curves   numbers, and numbers per epoch, by name
    artifacts         files and folders
    status            FINISHED, FAILED, or KILLED where it was ended on purpose
    """

    name: str
    execution: str
    started: float
    ended: float
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: tuple[Path, ...] = ()
    status: str = "FINISHED"


class Run:
    """An open MLflow run."""

    def __init__(self, client: MlflowClient, run_id: str, artifact_uri: str):
        """Use `tracked` to open one."""
        self.client = client
        self.run_id = run_id
        self.artifact_uri = artifact_uri

    def params(self, values: dict[str, Any], *, known: bool = False) -> None:
        """Log a configuration; nested keys are joined by dots.

        known  the run has parameters already, which MLflow lets nobody change: those that differ become tags
        """
        from mlflow.entities import Param

        given = {key: str(value)[:LONGEST_PARAM] for key, value in flatten(values).items()}
        if known:
            held = self.client.get_run(self.run_id).data.params
            self.tags({f"later.{key}": value for key, value in given.items() if held.get(key, value) != value})
            given = {key: value for key, value in given.items() if key not in held}
        items = [Param(key, value) for key, value in given.items()]
        for start in range(0, len(items), PARAMS_PER_CALL):
            self.client.log_batch(self.run_id, params=items[start : start + PARAMS_PER_CALL])

    def metrics(self, values: dict[str, float]) -> None:
        """Log numbers by name, e.g. {"ndcg_at_10": 0.41}."""
        self.curves({name: [value] for name, value in values.items()})

    def curves(self, values: dict[str, list[float]]) -> None:
        """Log numbers per epoch by name."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        items = [
            Metric(name, float(value), now, epoch)
            for name, curve in values.items()
            for epoch, value in enumerate(curve)
        ]
        for start in range(0, len(items), METRICS_PER_CALL):
            self.client.log_batch(self.run_id, metrics=items[start : start + METRICS_PER_CALL])

    def tags(self, values: dict[str, str]) -> None:
        """Set facts that are words."""
        for key, value in values.items():
            self.client.set_tag(self.run_id, key, str(value))

    def artifact(self, path: Path, folder: str | None = None) -> str:
        """Store a file or a folder with the run, below `folder`; returns its URI."""
        path = Path(path)
        if path.is_dir():
            at = f"{folder}/{path.name}" if folder else path.name
            self.client.log_artifacts(self.run_id, str(path), at)
        else:
            at = f"{folder}/{path.name}" if folder else path.name
            self.client.log_artifact(self.run_id, str(path), folder)
        return f"{self.artifact_uri}/{at}"


@contextmanager
def tracked(
    name: str,
    parent: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    root: Path = Path("."),
    again: str | None = None,
) -> Iterator[Run]:
    """An MLflow run for the length of the block; it ends FAILED if the block raises.

    parent  run id to nest under; `parent_run()` names the one of the flow that started this process
    again   run id of an earlier process that did not finish, or was given more to do: its run goes on, and what it
            left running below it ends as KILLED. Where MLflow does not know it, a new run begins
    """
    opened = _reopened(again, root) if again else None
    client, run = opened or _create(name, parent, tags, root, started=time.time())
    try:
        run.params(params or {}, known=opened is not None)
        yield run
    except BaseException:
        client.set_terminated(run.run_id, "FAILED")
        raise
    client.set_terminated(run.run_id, "FINISHED")


def parent_run() -> str | None:
    """Run id of the flow that started this process, or None."""
    return os.environ.get(environment.PARENT_RUN) or None


def record(what: Record, parent: str | None = None, root: Path = Path(".")) -> str:
    """Log a finished execution and return its run id; one that is already there is only looked up."""
    known = find(what.execution, root)
    if known:
        return known
    client, run = _create(what.name, parent, what.tags, root, what.started)
    run.params(what.params)
    run.metrics(what.metrics)
    run.curves(what.curves)
    for path in what.artifacts:
        run.artifact(path)
    run.tags({EXECUTION_TAG: what.execution})  # last: a record that was cut short is not taken for a whole one
    client.set_terminated(run.run_id, what.status, int(what.ended * 1000))
    return run.run_id


def find(execution: str, root: Path = Path(".")) -> str | None:
    """Run id of an execution that was recorded, or None."""
    uri = location.tracking_uri(root)
    with location.answering(uri):
        client = location.connect(uri)
        found = client.search_runs([_experiment(client, root)], f"tags.{EXECUTION_TAG} = '{execution}'", max_results=1)
    return found[0].info.run_id if found else None


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mapping → one level, keys joined by dots; empty mappings vanish."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _create(
    name: str, parent: str | None, tags: dict[str, str] | None, root: Path, started: float
) -> tuple[MlflowClient, Run]:
    uri = location.tracking_uri(root)
    nested = {PARENT_TAG: parent} if parent else {}
    with location.answering(uri):
        client = location.connect(uri)
        run = client.create_run(
            _experiment(client, root), start_time=int(started * 1000), tags=(tags or {}) | nested, run_name=name
        )
    return client, Run(client, run.info.run_id, run.info.artifact_uri)


def _reopened(run_id: str, root: Path) -> tuple[MlflowClient, Run] | None:
    """A run that goes on, with nothing left running below it; None where MLflow has no such run."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

    uri = location.tracking_uri(root)
    with location.answering(uri):
        client = location.connect(uri)
        try:
            run = client.get_run(run_id)
        except MlflowException as e:
            if e.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                raise
            return None
        if run.info.lifecycle_stage != "active":
            return None
        client.update_run(run_id, status="RUNNING")
        below = f"tags.`{PARENT_TAG}` = '{run_id}' and attributes.status = 'RUNNING'"
        for left in client.search_runs([run.info.experiment_id], below):
            client.set_terminated(left.info.run_id, "KILLED")
    return client, Run(client, run_id, run.info.artifact_uri)


def _experiment(client: MlflowClient, root: Path) -> str:
    """Id of the project's experiment, made on first use."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(location.EXPERIMENT)
    if found is None:
        try:
            return client.create_experiment(location.EXPERIMENT, location.artifact_location(root))
        except MlflowException:  # another process was quicker
            found = client.get_experiment_by_name(location.EXPERIMENT)
            if found is None:
                raise
    return found.experiment_id
