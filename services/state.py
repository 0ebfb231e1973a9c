"""Online state in SQLite (WAL): what users did since the release was made, and what they were shown.

One file, shared by all threads and workers. The table `exposures` has the columns of core/schema.py, so that a flow
reads it without importing the service.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from components.core import layout, schema
from components.core.errors import ConfigError
from components.core.online_store import FORMAT, SCHEMA
from components.release.release import Event as Bought
from services.messages import Event

WAIT_S = 5.0  # for another worker's write
PURCHASE = "purchase"
NEWEST_EVENTS = 1000  # of one user that an answer looks at

COLUMNS = (
    schema.EVENT_ID, schema.USER_ID, schema.ITEM_ID, schema.EVENT_TYPE, schema.TIMESTAMP, schema.VALUE,
    schema.QUANTITY, schema.REQUEST_ID, "received_at",
)  # fmt: skip
ADD_EVENT = f"insert or ignore into events ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))})"  # noqa: S608


@dataclass(frozen=True)
class Exposure:
    """One answer as it was shown; time in unix seconds. Items and scores in the order of the positions."""

    request_id: str
    user_id: str | None
    item_ids: Sequence[str]
    scores: Sequence[float]
    release: str
    experiment: str | None
    variant: str | None
    time: float
    propensity: float = 1.0  # every policy so far is deterministic: what is shown is shown with certainty


class State:
    """The service's database. Every thread has a connection of its own; SQLite orders their writes."""

    def __init__(self, folder: Path):
        """folder: where service.db lies or will lie; `open` comes before all else."""
        self.path = folder / layout.SERVICE_DATABASE
        self._local = threading.local()

    def open(self) -> None:
        """Open or create the file; ConfigError if that cannot be done, or the file is of another format."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                self._prepare(connection)
        except (OSError, sqlite3.Error) as e:
            raise ConfigError(
                f"{self.path}: the service cannot keep its state there ({e}); "
                "make the folder writable, or name another in SHOPLOOP_STATE."
            ) from e

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("pragma user_version").fetchone()[0]
        empty = connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0
        if not empty and found != FORMAT:
            raise ConfigError(
                f"{self.path}: of another version of the service (format {found}, this one writes {FORMAT}); "
                "move the file away, or name another folder in SHOPLOOP_STATE."
            )
        connection.execute("pragma journal_mode = wal")
        with connection:
            connection.execute("begin immediate")  # also shows that the file can be written
            connection.rollback()
        connection.executescript(SCHEMA)

    def add_events(self, events: Iterable[Event], default_time: int) -> int:
        """Store events whose id is not there yet, all in one transaction; returns how many were new.

        default_time  unix seconds for events that carry no time
        """
        now = time.time()
        rows = [
            (e.event_id, e.user_id, e.item_id, e.event_type, default_time if e.timestamp is None else e.timestamp,
             e.value, e.quantity, e.request_id, now)
            for e in events
        ]  # fmt: skip
        return self._insert(ADD_EVENT, rows)

    def purchases(self, user_id: str, since: int) -> tuple[Bought, ...]:
        """A user's newest purchases at or after `since`, oldest first; those of one second as they were told."""
        rows = self._connection.execute(
            f"select {schema.ITEM_ID}, {schema.TIMESTAMP} from events where {schema.USER_ID} = ? "  # noqa: S608
            f"and {schema.EVENT_TYPE} = ? and {schema.TIMESTAMP} >= ? "
            f"order by {schema.TIMESTAMP} desc, seq desc limit ?",
            (user_id, PURCHASE, since, NEWEST_EVENTS),
        ).fetchall()
        return tuple(Bought(item_id, at) for item_id, at in reversed(rows))

    def add_exposure(self, shown: Exposure) -> None:
        """Log one answer, a row per position."""
        rows = [
            (shown.request_id, shown.user_id, item_id, position, score, shown.propensity, shown.release,
             shown.experiment, shown.variant, shown.time)
            for position, (item_id, score) in enumerate(zip(shown.item_ids, shown.scores, strict=True), start=1)
        ]  # fmt: skip
        self._insert("insert into exposures values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _insert(self, statement: str, rows: list[tuple]) -> int:
        connection = self._connection
        with connection:
            connection.execute("begin immediate")
            return max(connection.executemany(statement, rows).rowcount, 0)

    @property
    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
        return self._local.connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
        # With WAL this loses at most the last commits in a power cut, never the file.
        connection.execute("pragma synchronous = normal")
        return connection
