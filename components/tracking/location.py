"""Where MLflow keeps its records: MLFLOW_TRACKING_URI, or a SQLite file and a folder in the project."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import bundle, environment, layout
from components.core.addresses import masked
from components.core.errors import RegistryError, ShoploopError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "shoploop"
DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
LONGEST_REASON = 200
NOTED_SERVER = layout.STATE / "mlflow.url"  # the server that `make up` keeps up over the project's own SQLite file
ANSWERS_WITHIN_S = 1.0


def tracking_uri(root: Path) -> str:
    """The tracking server's address: a SQLite file in the project folder `root`, or what the environment names."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path(root).resolve() / DATABASE}"


def registry_uri(root: Path) -> str:
    """Where the registry is asked: as `tracking_uri`, but through the project's own server while one is up.

    Its REST API answers in milliseconds; opening the SQLite file means importing MLflow, which takes seconds.
    """
    noted = Path(root) / NOTED_SERVER
    if not os.environ.get("MLFLOW_TRACKING_URI") and noted.is_file():
        address = noted.read_text(encoding="utf-8").strip()
        if address.startswith("http://") and _is_up(address):
            return address
    return tracking_uri(root)


def note_server(root: Path, address: str | None) -> None:
    """Remember the address of the server over the project's own records; None when it is gone."""
    noted = Path(root) / NOTED_SERVER
    if address is None:
        noted.unlink(missing_ok=True)
    else:
        bundle.write_text(noted, address)


def _is_up(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=ANSWERS_WITHIN_S) as answer:  # noqa: S310 - http only
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


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
        words = masked(str(e).splitlines()[0]) if str(e) else "no words"
        said = f"{type(e).__name__}: {words}"[:LONGEST_REASON]
        raise RegistryError(
            f"registry: MLflow at {masked(uri)} did not answer as it should ({said}); "
            "start it (`make up`), or point MLFLOW_TRACKING_URI to where it runs."
        ) from e
