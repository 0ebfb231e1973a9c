"""Canonical tables that somebody made by hand: columns and types are looked at before anything is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import DataError

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.datatypes import DataType


def typed(table: Table, name: str, file: Path) -> Table:
    """The table with the canonical types, where whole numbers stand for ids and dates for times.

    Raises DataError for a column that is missing, or holds something else
    """
    missing = [column for column in schema.REQUIRED[name] if column not in table.columns]
    if missing:
        raise DataError(
            f"{file}: column {', '.join(missing)} is missing; it has {', '.join(table.columns)}. Canonical tables are "
            "as artifacts/clean has them; bring other files in by a mapping (docs/bring-your-own-data.md)."
        )
    known = [column for column in table.columns if column in schema.COLUMNS[name]]
    return table.mutate({column: _typed(table, column, file) for column in known})


def _typed(table: Table, column: str, file: Path) -> object:
    import ibis

    wanted, held = schema.column_type(column), table[column].type()
    if held.is_null() or held.is_unknown():  # a column of nothing but nulls
        return ibis.null(wanted)
    if not _stands_for(wanted, held):
        raise DataError(f"{file}: column {column} holds {held}, and {wanted} is wanted; write it as that.")
    return table[column].cast(wanted)


def _stands_for(wanted: str, held: DataType) -> bool:
    if wanted == "string":
        return held.is_string() or held.is_integer() or held.is_uuid()
    if wanted.startswith("timestamp"):
        return held.is_timestamp() or held.is_date()
    return held.is_numeric()
