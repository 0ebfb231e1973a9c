"""promote and rollback: a person's decision about the champion, checked and written to the journal."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger

from components.release.load import load
from components.tracking.registry import ModelRegistry, Move


@flow(name="promote", persist_result=False)
def promote(version: int, by: str, reason: str) -> Move:
    """Make a registered version the champion; refused unless its gates were passed and it can be served."""
    return _tell(ModelRegistry(root=Path.cwd()).promote(str(version), by, reason, load))


@flow(name="rollback", persist_result=False)
def rollback(by: str, reason: str) -> Move:
    """Make the previous champion the champion again."""
    return _tell(ModelRegistry(root=Path.cwd()).rollback(by, reason, load))


def _tell(move: Move) -> Move:
    get_run_logger().info(f"{move}: {move.reason}")
    return move
