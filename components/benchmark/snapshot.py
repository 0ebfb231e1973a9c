"""Canonical tables that somebody made by hand: columns and types are looked at before anything is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import DataError
from components.data.cleaner import blank
from components.data.cleaning import types
from components.data.undone import UNDONE_AT

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.datatypes import DataType

NULL = "NULL"  # DuckDB's type of a column of nothing but nulls


def typed(table: Table, name: str, file: Path, *, undone: bool = False) -> tuple[Table, list[str]]:
    """The table as the clean step types it, and remarks about columns that are left out.

    Whole numbers stand for ids and dates for times. A column that is not required and holds something else is left out.

    name    of the canonical table; undone: with the time at which an event was undone
    Raises  DataError for a required column that is missing, or holds something else
    """
    required = (*schema.REQUIRED[name], *([UNDONE_AT] if undone else []))
    if missing := [column for column in required if column not in table.columns]:
        raise DataError(
            f"{file}: column {', '.join(missing)} is missing; it has {', '.join(table.columns)}. Canonical tables are "
            "as artifacts/clean has them; bring other files in by a mapping (docs/bring-your-own-data.md)."
        )
    wanted = {column: schema.column_type(column) for column in schema.COLUMNS[name] if column in table.columns}
    wanted |= {UNDONE_AT: schema.column_type(schema.TIMESTAMP)} if undone else {}
    table = _known_times(table)
    held = {column: table[column].type() for column in wanted}
    empty = [column for column, kind in held.items() if kind.is_null() or _kind(kind) == NULL]
    unfit = [column for column in wanted if column not in empty and not _stands_for(wanted[column], held[column])]
    for column in (column for column in unfit if column in required):
        raise DataError(
            f"{file}: column {column} holds {held[column]}, and {wanted[column]} is wanted; write it as that."
        )
    remarks = [f"{file.name}: column {c} holds {held[c]}, not {wanted[c]}, and was left out" for c in unfit]
    fit = table.drop(*unfit, *empty)
    late = {UNDONE_AT: wanted[UNDONE_AT]} if undone else {}
    return types.typed(name, fit.cast(late), also=tuple(late)), remarks


def without_blank_ids(events: Table) -> Table:
    """An id of no letters, or of blanks alone, is none."""
    return events.mutate(**{c: blank(events, c).ifelse(None, events[c]) for c in (schema.USER_ID, schema.ITEM_ID)})


def _known_times(table: Table) -> Table:
    """Times in nanoseconds with a time zone, which Ibis has no type for, as such in microseconds."""
    late = [c for c, kind in table.schema().items() if _kind(kind).startswith("TIMESTAMP")]
    return table.cast(dict.fromkeys(late, "timestamp('UTC', 6)"))


def _kind(held: DataType) -> str:
    """DuckDB's name of a type that Ibis does not know; empty for all others."""
    return str(held.raw_type).strip('"') if held.is_unknown() else ""


def _stands_for(wanted: str, held: DataType) -> bool:
    if wanted == "string":
        return held.is_string() or held.is_integer() or held.is_uuid()
    if wanted.startswith("timestamp"):
        return held.is_timestamp() or held.is_date()
    return held.is_numeric()
