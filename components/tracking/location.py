"""Where MLflow keeps its records: MLFLOW_TRACKING_URI, or a SQLite file and a folder in the project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import environment

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "shoploop"
DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"


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
