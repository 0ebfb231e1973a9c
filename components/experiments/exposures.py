"""Exposures: what the service itself logged as shown, held against what the replay received."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from components.core import schema
from components.core.errors import DataError
from components.experiments.replay import Served

TABLE = "exposures"  # columns as in schema.EXPOSURES


def read_exposures(database: Path, experiment: str) -> pa.Table:
    """The service's log of one experiment, a row per shown item, by request and position.

    database  the service's SQLite file
    """
    columns = ", ".join(schema.EXPOSURES)
    query = (
        f"select {columns} from {TABLE} where {schema.EXPERIMENT} = ? "  # noqa: S608 - names from the schema
        f"order by {schema.REQUEST_ID}, {schema.POSITION}"
    )
    with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query, (experiment,)).fetchall()
    parts = list(zip(*rows, strict=True)) or [()] * len(schema.EXPOSURES)
    return pa.table({name: list(part) for name, part in zip(schema.EXPOSURES, parts, strict=True)})


def reconcile(served: Iterable[Served], exposures: pa.Table) -> None:
    """Check that every answer was logged, with its variant; DataError names the first that was not.

    A log that loses answers of one variant more often than of the other would be believed by nobody who reads it later.
    """
    log = exposures.to_pydict()
    logged = dict(zip(log[schema.REQUEST_ID], log[schema.VARIANT], strict=True))
    for answer in served:
        if answer.shown and logged.get(answer.request_id) != answer.variant:
            raise DataError(
                f"experiment: answer {answer.request_id} was served as {answer.variant}, logged as "
                f"{logged.get(answer.request_id)}; the service's exposure log cannot be trusted."
            )
