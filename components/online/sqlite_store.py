"""The online store in one SQLite file (WAL): the default, for one machine and any number of workers."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core import schema
from components.core.errors import ConfigError, DataError, StateError
from components.online.store import EVENT_COLUMNS, FORMAT, TABLES_OF_USERS, TIME_COLUMNS, Exposure, OnlineStore, Told

WAIT_S = 5.0  # for another worker's write
PATIENCE_S = 30.0  # of forgetting, for the service's own writes
SCHEMA = f"""
create table if not exists events (
    seq integer primary key autoincrement, event_id text not null unique,
    {schema.USER_ID} text not null, {schema.ITEM_ID} text not null,
    {schema.EVENT_TYPE} text not null, {schema.TIMESTAMP} integer not null, {schema.VALUE} real,
    {schema.QUANTITY} integer not null, {schema.REQUEST_ID} text, received_at real not null
);
create index if not exists events_of_user on events ({schema.USER_ID}, {schema.TIMESTAMP}, seq);
create table if not exists exposures (
    {schema.REQUEST_ID} text not null, {schema.USER_ID} text, {schema.ITEM_ID} text not null,
    {schema.POSITION} integer not null, {schema.SCORE} real not null, {schema.PROPENSITY} real not null,
    {schema.RELEASE} text not null, {schema.EXPERIMENT} text, {schema.VARIANT} text, {schema.TIMESTAMP} real not null,
    primary key ({schema.REQUEST_ID}, {schema.POSITION})
) without rowid;
pragma user_version = {FORMAT};
"""
# ruff: noqa: S608 - the names in these statements are our own; values are bound
ADD_EVENT = f"insert or ignore into events ({', '.join(EVENT_COLUMNS)}) values ({', '.join('?' * len(EVENT_COLUMNS))})"
ADD_EXPOSURE = f"insert into exposures values ({', '.join('?' * len(schema.EXPOSURES))})"
EVENTS_OF = (
    f"select {schema.ITEM_ID}, {schema.TIMESTAMP} from events where {schema.USER_ID} = ? "
    f"and {schema.EVENT_TYPE} in ({{}}) and {schema.TIMESTAMP} >= ? order by {schema.TIMESTAMP} desc, seq desc limit ?"
)
SHOWN = (
    f"select {', '.join(schema.EXPOSURES)} from exposures where {{}} = ? "
    f"order by {schema.REQUEST_ID}, {schema.POSITION}"
)

# A connection that only could not write goes on reading; a fresh one would have to make files first, on a full disk.
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_BUSY)
PIECE = 10_000  # rows that are looked at in one transaction
# Along the key, for there is no index on time: it would cost every event and every answer, and this is once a night.
KEYS = {"events": ("seq",), "exposures": (schema.REQUEST_ID, schema.POSITION)}


@dataclass(frozen=True)
class Pieces:
    """Statements by which a table is pruned; places for values: the key after which a piece begins, its last key."""

    last: str  # the last key of the piece, if it is a whole one
    old: str  # whether there is anything to delete in it: only then others have to wait
    delete: str

    @classmethod
    def of(cls, table: str) -> Pieces:
        """For a table of KEYS."""
        names, holes = ", ".join(KEYS[table]), ", ".join("?" * len(KEYS[table]))
        within = f"where ({names}) > ({holes}) and ({names}) <= ({holes}) and {TIME_COLUMNS[table]} < ?"
        return cls(
            last=f"select {names} from {table} where ({names}) > ({holes}) order by {names} limit 1 offset ?",
            old=f"select exists (select 1 from {table} {within})",
            delete=f"delete from {table} {within}",
        )


PIECES = {table: Pieces.of(table) for table in KEYS}
# Below and above all keys: SQLite orders numbers before texts, and texts before bytes.
FIRST = {"events": (0,), "exposures": (0, 0)}
LAST = {"events": (b"",), "exposures": (b"", 0)}


class SqliteStore(OnlineStore):
    """Every thread has a connection of its own; SQLite orders their writes."""

    def __init__(self, path: Path):
        """path: the file, made by `prepare` if it is not there."""
        self.path = path
        self.place = str(path)
        self._local = threading.local()

    def prepare(self) -> None:
        """Open or create the file."""
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

    def add_events(self, events: Sequence[Told]) -> int:
        """In one transaction."""
        rows = [tuple(getattr(event, name) for name in EVENT_COLUMNS) for event in events]
        return self._insert(ADD_EVENT, rows)

    def events_of(
        self, user_id: str, event_types: Collection[str], since: int, limit: int
    ) -> tuple[tuple[str, int], ...]:
        """Newest first in the index, turned around."""
        query = EVENTS_OF.format(", ".join("?" * len(event_types)))
        return tuple(reversed(self._select(query, (user_id, *event_types, since, limit))))

    def add_exposure(self, shown: Exposure) -> None:
        """A row per position."""
        self._insert(ADD_EXPOSURE, shown.rows())

    def exposures_of(self, experiment: str) -> list[tuple]:
        """A scan: read-outs are rare, and an index would cost every answer."""
        return self._select(SHOWN.format(schema.EXPERIMENT), (experiment,))

    def answer(self, request_id: str) -> list[tuple]:
        """By the primary key."""
        return self._select(SHOWN.format(schema.REQUEST_ID), (request_id,))

    def rows_of_user(self, names: Collection[str]) -> dict[str, int]:
        """DataError if the file is no store of this format."""
        if not self.path.is_file():
            return dict.fromkeys(TABLES_OF_USERS, 0)
        with closing(_opened(self.path)) as connection:
            return {table: _count(connection, table, names) for table in TABLES_OF_USERS}

    def forget_user(self, names: Collection[str]) -> None:
        """Also their bytes in the file and its log.

        Raises DataError if another process holds the file for longer than half a minute; calling again completes it.
        """
        holes = ", ".join("?" * len(names))
        with closing(_opened(self.path)) as connection:
            try:
                connection.execute("pragma secure_delete = on")
                with connection:
                    for table in TABLES_OF_USERS:
                        connection.execute(f"delete from {table} where {schema.USER_ID} in ({holes})", tuple(names))
                connection.execute("vacuum")
                busy = connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
            except sqlite3.OperationalError as e:
                raise DataError(
                    f"{self.path}: the person's rows could not be deleted ({e}); stop the service, and again."
                ) from e
        if busy:
            raise DataError(f"{self.path}: the service still reads an older state of it; stop the service, and again.")

    def prune(self, before: float) -> dict[str, int]:
        """In pieces of PIECE rows; the file keeps its size, and new rows take the room."""
        return {table: self._pruned(table, before) for table in PIECES}

    def _pruned(self, table: str, before: float) -> int:
        pieces, gone, after = PIECES[table], 0, FIRST[table]
        while after != LAST[table]:
            last = next(iter(self._select(pieces.last, (*after, PIECE - 1))), LAST[table])
            values = (*after, *last, before)
            if self._select(pieces.old, values)[0][0]:
                began = time.monotonic()
                gone += self._insert(pieces.delete, [values])
                time.sleep(time.monotonic() - began)  # who waits to write looks only now and then whether it can
            after = last
        return gone

    def close(self) -> None:
        """The file stays."""
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def _insert(self, statement: str, rows: list[tuple]) -> int:
        with self._answering() as connection, connection:
            connection.execute("begin immediate")
            return max(connection.executemany(statement, rows).rowcount, 0)

    def _select(self, query: str, values: tuple) -> list[tuple]:
        with self._answering() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _answering(self) -> Iterator[sqlite3.Connection]:
        try:
            if "connection" not in self._local.__dict__:
                self._local.connection = self._connect()
            yield self._local.connection
        except sqlite3.Error as e:
            if getattr(e, "sqlite_errorcode", None) not in NO_ROOM:
                self.close()  # the next try begins with a fresh one
            raise StateError(f"{self.path}: the online store does not answer ({e}).") from e

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
        # With WAL this loses at most the last commits in a power cut, never the file.
        connection.execute("pragma synchronous = normal")
        return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE_S)
    try:
        found = connection.execute("pragma user_version").fetchone()[0]
    except sqlite3.DatabaseError as e:
        connection.close()
        raise DataError(f"{path}: cannot be read as the service's database ({e}); move it away or restore it.") from e
    if found != FORMAT:
        connection.close()
        raise DataError(f"{path}: of another version of the service (format {found}, this one knows {FORMAT}).")
    return connection


def _count(connection: sqlite3.Connection, table: str, names: Collection[str]) -> int:
    holes = ", ".join("?" * len(names))
    query = f"select count(*) from {table} where {schema.USER_ID} in ({holes})"
    return connection.execute(query, tuple(names)).fetchone()[0]
