"""Canonical tables that somebody made by hand: columns and types are looked at before anything is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import DataError
from components.data.undone import UNDONE_AT

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.datatypes import DataType

TIME = schema.column_type(schema.TIMESTAMP)


def typed(table: Table, name: str, file: Path, also: tuple[str, ...] = ()) -> tuple[Table, list[str]]:
    """The table with the canonical types, and remarks about columns that are left out.

    Whole numbers stand for ids and dates for times. A column that is not required and holds something else is left out.

    name    of the canonical table; also: columns that are required besides its own
    Raises  DataError for a required column that is missing, or holds something else
    """
    import ibis

    required = tuple(dict.fromkeys((*schema.REQUIRED[name], *also)))
    if missing := [column for column in required if column not in table.columns]:
        raise DataError(
            f"{file}: column {', '.join(missing)} is missing; it has {', '.join(table.columns)}. Canonical tables are "
            "as artifacts/clean has them; bring other files in by a mapping (docs/bring-your-own-data.md)."
        )
    columns, remarks = {}, []
    for column in (c for c in table.columns if c in (*schema.COLUMNS[name], UNDONE_AT)):
        wanted, held = TIME if column == UNDONE_AT else schema.column_type(column), table[column].type()
        if held.is_null() or held.is_unknown():  # a column of nothing but nulls
            columns[column] = ibis.null(wanted)
        elif _stands_for(wanted, held):
            columns[column] = table[column].cast(wanted)
        elif column in required:
            raise DataError(f"{file}: column {column} holds {held}, and {wanted} is wanted; write it as that.")
        else:
            remarks.append(f"{file.name}: column {column} holds {held}, not {wanted}, and was left out")
    return table.select(**columns), remarks


def _stands_for(wanted: str, held: DataType) -> bool:
    if wanted == "string":
        return held.is_string() or held.is_integer() or held.is_uuid()
    if wanted.startswith("timestamp"):
        return held.is_timestamp() or held.is_date()
    return held.is_numeric()
