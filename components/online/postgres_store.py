"""The online store in PostgreSQL, for a service on several machines. Its tables live in a schema of their own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from components.core import schema
from components.core.errors import ConfigError, DataError, SilentStoreError, StateError
from components.online.store import (
    EVENT_COLUMNS,
    FORMAT,
    SOON_S,
    TABLES_OF_USERS,
    TIME_COLUMNS,
    Exposure,
    OnlineStore,
    Told,
)

if TYPE_CHECKING:
    import psycopg

    from components.online.postgres_connection import PatientConnection

OPTIONS = "-c statement_timeout=5000 -c lock_timeout=5000"
ANSWER_WITHIN_S = 6.0  # a little more than the server gives itself: who says nothing by then is away
CONNECT_WITHIN_S = 3
ENCODING = "UTF8"
TRIES = 3
LOCK = 0x73686F70  # workers that start together make the tables one after the other
TABLES = f"""
create schema if not exists shoploop;
create table if not exists shoploop.format (number integer primary key);
create table if not exists shoploop.events (
    seq bigserial primary key, event_id text not null unique,
    {schema.USER_ID} text not null, {schema.ITEM_ID} text not null,
    {schema.EVENT_TYPE} text not null, {schema.TIMESTAMP} bigint not null, {schema.VALUE} double precision,
    {schema.QUANTITY} integer not null, {schema.REQUEST_ID} text, received_at double precision not null
);
create index if not exists events_of_user on shoploop.events ({schema.USER_ID}, {schema.TIMESTAMP}, seq);
create table if not exists shoploop.exposures (
    {schema.REQUEST_ID} text not null, {schema.USER_ID} text, {schema.ITEM_ID} text not null,
    {schema.POSITION} integer not null, {schema.SCORE} double precision not null,
    {schema.PROPENSITY} double precision not null, {schema.RELEASE} text not null, {schema.EXPERIMENT} text,
    {schema.VARIANT} text, {schema.TIMESTAMP} double precision not null,
    primary key ({schema.REQUEST_ID}, {schema.POSITION})
);
create index if not exists exposures_of_user on shoploop.exposures ({schema.USER_ID});
create index if not exists exposures_by_time on shoploop.exposures ({schema.TIMESTAMP});
"""
# ruff: noqa: S608 - the names in these statements are our own; values are bound
NUMBERS = "select nextval(pg_get_serial_sequence('shoploop.events', 'seq')) from generate_series(1, %s)"
ADD_EVENT = (
    f"insert into shoploop.events ({', '.join(EVENT_COLUMNS)}, seq) "
    f"values ({', '.join(['%s'] * len(EVENT_COLUMNS))}, %s) on conflict (event_id) do nothing"
)
ADD_EXPOSURE = (
    f"insert into shoploop.exposures ({', '.join(schema.EXPOSURES)}) "
    f"values ({', '.join(['%s'] * len(schema.EXPOSURES))})"
)
EVENTS_OF = (
    f"select {schema.ITEM_ID}, {schema.TIMESTAMP} from shoploop.events where {schema.USER_ID} = %s "
    f"and {schema.EVENT_TYPE} = any(%s) and {schema.TIMESTAMP} >= %s "
    f"order by {schema.TIMESTAMP} desc, seq desc limit %s"
)
SHOWN = (
    f"select {', '.join(schema.EXPOSURES)} from shoploop.exposures where {{}} = %s "
    f"order by {schema.REQUEST_ID}, {schema.POSITION}"
)
PIECE = 10_000  # rows looked at in one statement
# Events along their key, for there is no index on when they came in; answers along the index on their time.
LAST_EVENT = "select max(seq) from (select seq from shoploop.events where seq > %s order by seq limit %s) as piece"
PRUNE_EVENTS = f"delete from shoploop.events where seq > %s and seq <= %s and {TIME_COLUMNS['events']} < %s"
PRUNE_EXPOSURES = (
    "delete from shoploop.exposures where ctid = any(array("
    f"select ctid from shoploop.exposures where {TIME_COLUMNS['exposures']} < %s "
    f"order by {TIME_COLUMNS['exposures']} limit %s))"
)
T = TypeVar("T")


class PostgresStore(OnlineStore):
    """Every thread has a connection of its own, made again when the server has closed it."""

    def __init__(self, url: str, place: str):
        """url: postgresql://user:password@host/database; place: the same without the password."""
        self._url = url
        self.place = place
        self._local = threading.local()
        self._silent_at = -math.inf  # connections made before are as dead as the one that was waited for

    def prepare(self) -> None:
        """Make the schema and its tables; workers that start together wait for each other.

        A database that does not keep UTF-8 cannot keep every id, or gives back bytes in their place, and is refused.
        """
        import psycopg

        try:
            self._check_encoding()
            found = self._call(_make)
        except (StateError, psycopg.Error) as e:
            raise ConfigError(
                f"{self.place}: the service cannot keep its state there ({_words(e)}); "
                "correct SHOPLOOP_STATE_URL, or leave it out for SQLite."
            ) from e
        if found != FORMAT:
            raise ConfigError(
                f"{self.place}: of another version of the service (format {found}, this one writes {FORMAT}); "
                "name another database in SHOPLOOP_STATE_URL."
            )

    def _check_encoding(self) -> None:
        encoding = _text(self._select("show server_encoding", ())[0][0])
        if encoding != ENCODING:
            raise StateError(f"it keeps text as {encoding}; make it with `encoding 'UTF8' template template0`")

    def add_events(self, events: Sequence[Told]) -> int:
        """In one transaction, which keeps the order of arrival."""
        return self._call(lambda connection: _add_events(connection, events))

    def events_of(
        self, user_id: str, event_types: Collection[str], since: int, limit: int
    ) -> tuple[tuple[str, int], ...]:
        """Newest first in the index, turned around."""
        return tuple(reversed(self._select(EVENTS_OF, (user_id, list(event_types), since, limit), SOON_S)))

    def add_exposure(self, shown: Exposure) -> None:
        """A row per position."""
        self._call(lambda connection: _many(connection, ADD_EXPOSURE, shown.rows()), SOON_S)

    def exposures_of(self, experiment: str) -> list[tuple]:
        """A scan, as in SQLite."""
        return self._select(SHOWN.format(schema.EXPERIMENT), (experiment,))

    def answer(self, request_id: str) -> list[tuple]:
        """By the primary key."""
        return self._select(SHOWN.format(schema.REQUEST_ID), (request_id,))

    def rows_of_user(self, names: Collection[str]) -> dict[str, int]:
        """Counted in the tables."""
        if self._select("select to_regclass('shoploop.exposures')", ())[0][0] is None:
            return dict.fromkeys(TABLES_OF_USERS, 0)
        query = f"select count(*) from shoploop.{{}} where {schema.USER_ID} = any(%s)"
        return {table: self._select(query.format(table), (list(names),))[0][0] for table in TABLES_OF_USERS}

    def forget_user(self, names: Collection[str]) -> None:
        """Deletes and vacuums; what the server's own log and backups hold goes as they are rotated."""
        try:
            self._call(lambda connection: _forget(connection, list(names)), math.inf)
        except StateError as e:
            raise DataError(f"{self.place}: the person's rows could not be deleted ({e}); again later.") from None

    def prune(self, before: float) -> dict[str, int]:
        """In pieces of PIECE rows, each a statement of its own."""
        return {"events": self._pruned_events(before), "exposures": self._pruned_exposures(before)}

    def _pruned_events(self, before: float) -> int:
        gone = after = 0
        while (last := self._select(LAST_EVENT, (after, PIECE))[0][0]) is not None:
            gone += self._deleted(PRUNE_EVENTS, (after, last, before))
            after = last
        return gone

    def _pruned_exposures(self, before: float) -> int:
        gone = 0
        while piece := self._deleted(PRUNE_EXPOSURES, (before, PIECE)):
            gone += piece
        return gone

    def _deleted(self, statement: str, values: tuple) -> int:
        return self._call(lambda connection: connection.execute(statement, values).rowcount)

    def close(self) -> None:
        """End this thread's connection."""
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def _select(self, query: str, values: tuple, within_s: float = ANSWER_WITHIN_S) -> list[tuple]:
        return self._call(lambda connection: connection.execute(query, values).fetchall(), within_s)

    def _call(self, work: Callable[[psycopg.Connection], T], within_s: float = ANSWER_WITHIN_S) -> T:
        """`work` on this thread's connection; once more if that turns out to be closed, or in a deadlock.

        within_s  each try may take, beside the time to connect
        """
        import psycopg

        for tries_left in reversed(range(TRIES)):
            try:
                connection = self._connection()
                connection.deadline = time.monotonic() + within_s
                return work(connection)
            except UnicodeError as e:
                raise StateError(f"{self.place}: this is no text that it could keep ({e.reason}).") from None
            except psycopg.Error as e:
                self._refuse_silence(e)
                connection = self._local.__dict__.get("connection")
                closed = connection is not None and connection.broken
                if closed:
                    self.close()
                again = closed or isinstance(e, psycopg.errors.DeadlockDetected)
                if not again or not tries_left:
                    raise StateError(self._away(e)) from None
        raise AssertionError

    def _refuse_silence(self, error: psycopg.Error) -> None:
        """SilentStoreError where nothing came in time; another try would only be waited for as well."""
        from psycopg.errors import ConnectionTimeout

        from components.online.postgres_connection import NoWordError

        if isinstance(error, NoWordError | ConnectionTimeout):
            self.close()
            self._silent_at = time.monotonic()
            raise SilentStoreError(self._away(error)) from None

    def _away(self, error: psycopg.Error) -> str:
        return f"{self.place}: the online store does not answer ({_words(error)})."

    def _connection(self) -> PatientConnection:
        from components.online.postgres_connection import PatientConnection

        if self._local.__dict__.get("made_at", math.inf) <= self._silent_at:
            self.close()
        if "connection" not in self._local.__dict__:
            self._local.connection = PatientConnection.connect(
                self._url, client_encoding=ENCODING, connect_timeout=CONNECT_WITHIN_S, options=OPTIONS, autocommit=True
            )
            self._local.made_at = time.monotonic()
        return self._local.connection


def _make(connection: psycopg.Connection) -> int:
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute(TABLES)
        connection.execute(
            "insert into shoploop.format select %s where not exists (select 1 from shoploop.format)", (FORMAT,)
        )
        return connection.execute("select number from shoploop.format").fetchone()[0]


def _add_events(connection: psycopg.Connection, events: Sequence[Told]) -> int:
    """Numbered as they came, written in the order of their ids.

    A row that is written locks its id until the end, so that workers with the same events in different orders would
    wait for each other in a circle; in one order, the second waits for the first.
    """
    with connection.transaction():
        numbers = [row[0] for row in connection.execute(NUMBERS, (len(events),))]
        rows = [
            (*(getattr(event, name) for name in EVENT_COLUMNS), number)
            for event, number in zip(events, sorted(numbers), strict=True)
        ]
        return _many(connection, ADD_EVENT, sorted(rows, key=itemgetter(EVENT_COLUMNS.index("event_id"))))


def _many(connection: psycopg.Connection, statement: str, rows: list[tuple]) -> int:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(statement, rows)
        return max(cursor.rowcount, 0)


def _forget(connection: psycopg.Connection, names: list[str]) -> None:
    connection.execute("set statement_timeout = 0")
    with connection.transaction():
        for table in TABLES_OF_USERS:
            connection.execute(f"delete from shoploop.{table} where {schema.USER_ID} = any(%s)", (names,))
    for table in TABLES_OF_USERS:
        connection.execute(f"vacuum shoploop.{table}")
    connection.execute("reset statement_timeout")


def _text(told: str | bytes) -> str:
    """What a database without an encoding says comes as bytes."""
    return told.decode("ascii", "replace") if isinstance(told, bytes) else told


def _words(error: Exception) -> str:
    """The first line of what the server or its client says; those do not repeat passwords."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
