"""Profile: the few facts about the tables that a person wants to see next to the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.data.mapping.changes import counted
from components.quality.workspace import CHECK_COLUMNS

if TYPE_CHECKING:
    from ibis import Table

BINS_PER_DECADE = 12  # of the prices, whose histogram is logarithmic: shops sell for cents and for thousands
UNREADABLE = "?"  # an event without a type


@dataclass(frozen=True)
class Profile:
    """Facts about the staged tables.

    rows         rows by table
    missing      share of missing values by "table.column", only where there are any
    days         dates (UTC) that have events, in order
    types        events on each of the days, by event type, most frequent type first
    changed      rows that the mapping changed as it read them, by table and rule; only where there are any
    price_edges  bin edges, money per unit, ten to the power of a twelfth apart; price_counts has one entry fewer;
                 both empty where no line has a price
    """

    rows: dict[str, int]
    missing: dict[str, float]
    days: list[date]
    types: dict[str, list[int]]
    price_edges: np.ndarray
    price_counts: np.ndarray
    changed: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def daily(self) -> list[int]:
        """Events on each of the days."""
        return [sum(counts) for counts in zip(*self.types.values(), strict=True)]


def profile(tables: Mapping[str, Table]) -> Profile:
    """Profile of the canonical tables, as staged, on whichever engine they are."""
    rows, missing = {}, {}
    for name, table in tables.items():
        rows[name], shares = _missing(table)
        missing |= {f"{name}.{column}": share for column, share in shares.items() if share > 0}
    interactions = tables[schema.INTERACTIONS_TABLE]
    days, types = _daily(interactions)
    changed = {name: found for name, table in tables.items() if (found := counted(table))}
    return Profile(rows, missing, days, types, *_prices(interactions), changed)


def _missing(table: Table) -> tuple[int, dict[str, float]]:
    columns = [c for c in table.columns if c not in (*CHECK_COLUMNS, *schema.TRACE)]
    counts = {c: table[c].isnull().sum().coalesce(0) for c in columns}
    (found,) = table.agg(all_rows=table.count(), **counts).to_pyarrow().to_pylist()
    total = found.pop("all_rows")
    return total, {c: n / total if total else 0.0 for c, n in found.items()}


def _daily(interactions: Table) -> tuple[list[date], dict[str, list[int]]]:
    dated = interactions.filter(interactions[schema.TIMESTAMP].notnull())
    kind = dated[schema.EVENT_TYPE].fill_null(UNREADABLE)
    grouped = dated.group_by(day=dated[schema.TIMESTAMP].date(), kind=kind).agg(events=dated.count())
    found = grouped.to_pyarrow().to_pylist()
    days = sorted({row["day"] for row in found})
    place = {day: i for i, day in enumerate(days)}
    types: dict[str, list[int]] = {}
    for row in found:
        types.setdefault(row["kind"], [0] * len(days))[place[row["day"]]] = row["events"]
    return days, dict(sorted(types.items(), key=lambda kind: (-sum(kind[1]), kind[0])))


def _prices(interactions: Table) -> tuple[np.ndarray, np.ndarray]:
    """One count per bin, made by the engine: a shop's prices need not fit into memory."""
    empty = np.zeros(0)
    if schema.VALUE not in interactions.columns:
        return empty, empty
    value = interactions[schema.VALUE]
    units = interactions[schema.QUANTITY].fill_null(1.0).nullif(0.0) if schema.QUANTITY in interactions.columns else 1.0
    price = interactions.filter(value > 0, ~value.isinf(), ~value.isnan()).mutate(price=value / units)
    sold = price.filter(price.price > 0, ~price.price.isinf(), ~price.price.isnan())
    bins = sold.group_by(bin=(sold.price.log10() * BINS_PER_DECADE).floor().cast("int64")).agg(lines=sold.count())
    found = {row["bin"]: row["lines"] for row in bins.to_pyarrow().to_pylist()}
    if not found:
        return empty, empty
    first, last = min(found), max(found)
    edges = 10.0 ** (np.arange(first, last + 2) / BINS_PER_DECADE)
    return edges, np.array([found.get(at, 0) for at in range(first, last + 1)])
