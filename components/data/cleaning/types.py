"""Types: every canonical column is there and has its type; numbers are finite or missing.

Use it always: later steps read these columns. What the source did not give is added as missing; where a row came from
(source_file, source_row, problem, changed) has done its duty and is dropped. NaN and infinity become missing, for they
poison sums and sort differently from engine to engine; -0.0 becomes 0.0, for which of two equal zeros survives as a
duplicate would be left to the engine. Cost: one pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, totals

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue


class TypesConfig(Config):
    """No options: core/schema.py decides."""


class Types(Cleaner):
    """Canonical columns, canonical types."""

    Config = TypesConfig
    version = 1
    required = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """All tables with all their columns."""
        typed_tables, effects = {}, []
        for name, table in tables.items():
            _check_required(name, table)
            cast = typed(name, table)
            given = [c for c in schema.COLUMNS[name] if c in table.columns]
            numbers = [c for c in given if schema.column_type(c) == "float64"]
            lost = lost_numbers(cast, numbers)
            typed_tables[name] = finite(cast, numbers, [c for c, n in lost.items() if n])
            words = "values made missing: {} was not a finite number"
            effects += [Effect(name, f"not_finite_{c}", n, words.format(c)) for c, n in lost.items() if n]
            effects += _zeros(name, cast, numbers)
        return Cleaned(typed_tables, tuple(effects))


def typed(name: str, table: Table, also: tuple[str, ...] = ()) -> Table:
    """The canonical columns in their order, each of its canonical type, missing where the table has none.

    also  columns that stay beside them as they are
    """
    import ibis

    kinds = {column: schema.column_type(column) for column in schema.COLUMNS[name]}
    columns = {c: table[c].cast(kind) if c in table.columns else ibis.null(kind) for c, kind in kinds.items()}
    return table.select(**columns | {c: table[c] for c in also})


def lost_numbers(table: Table, columns: list[str]) -> dict[str, int]:
    """How many values of each column are NaN or infinite."""
    if not columns:
        return {}
    # One such value makes the whole sum so; a sum is much cheaper than two tests of every value.
    (sums,) = table.agg(**{c: table[c].sum() for c in columns}).to_pyarrow().to_pylist()
    doubtful = [c for c in columns if sums[c] is not None and not math.isfinite(sums[c])]
    return dict.fromkeys(columns, 0) | totals(table, {c: not_finite(table, c).sum() for c in doubtful})


def _zeros(name: str, table: Table, columns: list[str]) -> list[Effect]:
    """Effects on the columns that hold negative zeros: 1/-0.0 is -infinity, and a power, unlike a division, may be."""
    negative = {c: ((table[c] == 0) & (table[c] ** -1.0 < 0)).sum() for c in columns}
    words = "negative zeros that became 0: {}"
    return [Effect(name, f"negative_zero_{c}", n, words.format(c)) for c, n in totals(table, negative).items() if n]


def finite(table: Table, columns: list[str], lost: list[str]) -> Table:
    """The table with 0.0 for -0.0 in `columns`, and missing values in place of NaN and infinity in `lost`."""
    import ibis

    zeros = {c: (table[c] == 0).ifelse(0.0, table[c]) for c in columns}
    gaps = {c: ibis.cases((not_finite(table, c), ibis.null("float64")), else_=zeros[c]) for c in lost}
    return table.mutate(**(zeros | gaps)) if columns else table


def not_finite(table: Table, column: str) -> BooleanValue:
    """True where a number is NaN or infinite, false where it is missing."""
    return (table[column].isnan() | table[column].isinf()).fill_null(False)


def _check_required(name: str, table: Table) -> None:
    missing = [c for c in schema.REQUIRED[name] if c not in table.columns]
    if missing:
        raise DataError(
            f"clean: {name} has no column {', '.join(missing)}, which every source gives; found "
            f"{', '.join(table.columns)}. Repair the source's mapping and run validate again."
        )
