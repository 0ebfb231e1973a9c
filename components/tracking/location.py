"""Where MLflow keeps its records: MLFLOW_TRACKING_URI, or a SQLite file and a folder in the project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import environment
from components.core.errors import RegistryError, ShoploopError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "shoploop"
DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
LONGEST_REASON = 200


def tracking_uri(root: Path) -> str:
    """The tracking server's address: a SQLite file in the project folder `root`, or what the environment names."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path(root).resolve() / DATABASE}"


def artifact_location(root: Path) -> str | None:
    """Where a new experiment keeps its files; None leaves it to a remote server."""
    if tracking_uri(root).startswith("http"):
        return None
    return (Path(root).resolve() / ARTIFACTS).as_uri()


def connect(uri: str) -> MlflowClient:
    """A client with short waits: MLflow's own would retry an unreachable server for minutes."""
    environment.prepare()
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    from mlflow import MlflowClient

    return MlflowClient(uri, uri)


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Tell every failure of MLflow in the block as a RegistryError: where it was asked, what it said, what to do."""
    try:
        yield
    except ShoploopError:
        raise
    except Exception as e:  # MLflow passes on what requests, SQLAlchemy and the file system raise
        said = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else 'no words'}"[:LONGEST_REASON]
        raise RegistryError(
            f"registry: MLflow at {uri} did not answer as it should ({said}); "
            "start it (`make up`), or point MLFLOW_TRACKING_URI to where it runs."
        ) from e
