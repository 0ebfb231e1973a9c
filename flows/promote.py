"""promote and rollback: a person's decision about the champion, checked and written to the journal."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger

from components.promotion.history import Entry
from components.promotion.promotions import Promotions
from components.release.load import load


@flow(name="promote", persist_result=False)
def promote(version: int, by: str, reason: str) -> Entry:
    """Make a registered version the champion; refused unless its gates were passed and it can be served."""
    return _tell(Promotions.of(Path.cwd()).promote(str(version), by, reason, load))


@flow(name="rollback", persist_result=False)
def rollback(by: str, reason: str) -> Entry:
    """Make the previous champion the champion again."""
    return _tell(Promotions.of(Path.cwd()).rollback(by, reason))


def _tell(entry: Entry) -> Entry:
    get_run_logger().info(f"{entry}: {entry.reason}")
    return entry
