"""The online store: the tables in which the service keeps what users did and what they were shown, and forgetting one.

The service writes it (services/state.py), experiments read it, `shoploop forget` deletes from it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from components.core import schema
from components.core.errors import DataError

FORMAT = 1  # `pragma user_version` of the file
WAIT_S = 30.0  # for the service's own writes

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
TABLES_OF_USERS = ("events", "exposures")


def rows_of_user(path: Path, names: Collection[str]) -> dict[str, int]:
    """How many rows each table keeps of a person; DataError if the file is no store of this format."""
    with closing(_opened(path)) as connection:
        return {table: _count(connection, table, names) for table in TABLES_OF_USERS}


def forget_user(path: Path, names: Collection[str]) -> None:
    """Delete a person's rows, and their bytes from the file and its log; the service may go on meanwhile.

    Raises DataError if another process holds the file for longer than half a minute; calling again completes it.
    """
    holes = ", ".join("?" * len(names))
    with closing(_opened(path)) as connection:
        try:
            connection.execute("pragma secure_delete = on")
            with connection:
                for table in TABLES_OF_USERS:
                    connection.execute(f"delete from {table} where {schema.USER_ID} in ({holes})", tuple(names))  # noqa: S608
            connection.execute("vacuum")
            busy = connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        except sqlite3.OperationalError as e:
            raise DataError(
                f"{path}: the person's rows could not be deleted ({e}); stop the service, and again."
            ) from e
    if busy:
        raise DataError(f"{path}: the service still reads an older state of it; stop the service, and again.")


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT_S)
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
    query = f"select count(*) from {table} where {schema.USER_ID} in ({holes})"  # noqa: S608 - our own table names
    return connection.execute(query, tuple(names)).fetchone()[0]
