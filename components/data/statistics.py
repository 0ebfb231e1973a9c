"""Medians, quantiles and modes by group, by ranking rows: the same digits on every engine.

Engines have functions for these, but interpolate and break ties each in its own way. A sort is dearer than their
sketches; it runs only where a rule asks for it, on the reference window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis import Table

ROWS, PLACE = "known_rows", "known_place"


def medians(table: Table, by: Sequence[str], column: str, name: str) -> Table:
    """The median of a number by group, the mean of the two middle values where they are even in number.

    Returns  the columns of `by`, `name`, and ROWS, the number of known values; groups without any are left out
    """
    ranked = _ranked(table, by, column)
    middle = ranked.filter((ranked[PLACE] == (ranked[ROWS] + 1) // 2) | (ranked[PLACE] == (ranked[ROWS] + 2) // 2))
    return middle.group_by(list(by)).agg(**{name: middle[column].mean(), ROWS: middle[ROWS].max()})


def quantiles(table: Table, by: Sequence[str], column: str, shares: dict[str, float]) -> Table:
    """Quantiles of a number by group: the smallest value that at least this share of the values do not exceed.

    shares   name of the new column → share in (0, 1)
    Returns  the columns of `by`, one column per share, and ROWS
    """
    ranked = _ranked(table, by, column)
    # ceil(share × rows), in whole numbers: millionths are finer than any table here needs.
    places = {name: -((-ranked[ROWS] * round(share * 1_000_000)) // 1_000_000) for name, share in shares.items()}
    picked = {name: ranked[column].max(where=ranked[PLACE] == place) for name, place in places.items()}
    return ranked.group_by(list(by)).agg(**picked, **{ROWS: ranked[ROWS].max()})


def modes(table: Table, by: Sequence[str], column: str, name: str) -> Table:
    """The most frequent value by group, the smallest of those equally frequent.

    Returns  the columns of `by`, `name`, and ROWS, how often it occurs
    """
    import ibis

    known = table.filter(table[column].notnull())
    counted = known.group_by([*by, column]).agg(**{ROWS: known.count()})
    order = [counted[ROWS].desc(), counted[column].asc()]
    place = ibis.row_number().over(ibis.window(group_by=list(by), order_by=order))
    first = counted.mutate(**{PLACE: place})
    first = first.filter(first[PLACE] == 0)
    return first.select(*by, **{name: first[column]}, **{ROWS: first[ROWS]})


def _ranked(table: Table, by: Sequence[str], column: str) -> Table:
    """Known values with their place in the group (from 1) and the group's size."""
    import ibis

    known = table.filter(table[column].notnull()).select(*by, column)
    place = ibis.row_number().over(ibis.window(group_by=list(by), order_by=known[column].asc())) + 1
    size = known.count().over(ibis.window(group_by=list(by)))
    return known.mutate(**{PLACE: place, ROWS: size})
