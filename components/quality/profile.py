"""Profile: the few facts about the tables that a person wants to see next to the verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.quality.workspace import CHECK_COLUMNS

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

PRICE_BINS = 60
TYPICAL_SHARE = 0.99  # of the prices are drawn; the long tail would flatten the rest


@dataclass(frozen=True)
class Profile:
    """Facts about the staged tables.

    rows         rows by table
    missing      share of missing values by "table.column", only where there are any
    days, daily  dates (UTC) and events on each
    price_edges  bin edges, money per unit; price_counts has one entry fewer
    """

    rows: dict[str, int]
    missing: dict[str, float]
    days: list[date]
    daily: list[int]
    price_edges: np.ndarray
    price_counts: np.ndarray


def profile(con: Backend, names: list[str]) -> Profile:
    """Profile of the named canonical tables, which are staged in `con`."""
    rows, missing = {}, {}
    for name in names:
        rows[name], shares = _missing(con.table(name))
        missing |= {f"{name}.{column}": share for column, share in shares.items() if share > 0}
    interactions = con.table(schema.INTERACTIONS_TABLE)
    days, daily = _daily(interactions)
    return Profile(rows, missing, days, daily, *_prices(interactions))


def _missing(table: Table) -> tuple[int, dict[str, float]]:
    columns = [c for c in table.columns if c not in CHECK_COLUMNS]
    counts = {c: table[c].isnull().sum().coalesce(0) for c in columns}
    (found,) = table.agg(all_rows=table.count(), **counts).to_pyarrow().to_pylist()
    total = found.pop("all_rows")
    return total, {c: n / total if total else 0.0 for c, n in found.items()}


def _daily(interactions: Table) -> tuple[list[date], list[int]]:
    dated = interactions.filter(interactions[schema.TIMESTAMP].notnull())
    counts = dated.group_by(day=dated[schema.TIMESTAMP].date()).agg(events=dated.count()).order_by("day").to_pyarrow()
    return counts["day"].to_pylist(), counts["events"].to_pylist()


def _prices(interactions: Table) -> tuple[np.ndarray, np.ndarray]:
    sold = interactions.filter(interactions[schema.QUANTITY] > 0, interactions[schema.VALUE] > 0)
    prices = sold.select(price=sold[schema.VALUE] / sold[schema.QUANTITY])["price"].to_pyarrow().to_numpy()
    prices = prices[np.isfinite(prices)]
    top = np.quantile(prices, TYPICAL_SHARE) if len(prices) else 1.0
    counts, edges = np.histogram(prices, bins=np.linspace(0, top, PRICE_BINS + 1))
    return edges, counts
