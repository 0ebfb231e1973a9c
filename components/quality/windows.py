"""Windows: what a stretch of time looks like, as columns that two stretches can be compared by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.data.engine import connect, read_parquet

if TYPE_CHECKING:
    from ibis import Table

LINE_COLUMNS = ("unit_price", "discount_share", "weekday", "hour_utc", "department", "brand")
BASKET_COLUMNS = ("basket_lines", "basket_value")


def columns(interactions: Path, items: Path, rows: int, seed: int) -> dict[str, np.ndarray]:
    """Numbers and words that describe the lines and baskets of one window.

    interactions, items  canonical tables
    rows      lines, and baskets, drawn at random at most; enough of both tell as much as all
    Returns   name → numbers or text; lines and baskets have different lengths
    """
    con = connect()
    lines = read_parquet(con, interactions)
    known = read_parquet(con, items).select(schema.ITEM_ID, schema.DEPARTMENT, schema.BRAND)
    found = _sampled(_line_columns(lines.left_join(known, schema.ITEM_ID)), LINE_COLUMNS, rows, seed)
    found |= _sampled(_basket_columns(lines), BASKET_COLUMNS, rows, seed)
    con.disconnect()
    return found


def _line_columns(lines: Table) -> Table:
    full_price = lines[schema.VALUE] + lines[schema.DISCOUNT]
    return lines.filter(lines[schema.QUANTITY] > 0).select(
        unit_price=lines[schema.VALUE] / lines[schema.QUANTITY],
        discount_share=lines[schema.DISCOUNT] / full_price.nullif(0),
        weekday=lines[schema.TIMESTAMP].day_of_week.full_name(),
        hour_utc=lines[schema.TIMESTAMP].hour(),
        department=lines[schema.DEPARTMENT].fill_null("unknown"),
        brand=lines[schema.BRAND].fill_null("unknown"),
    )


def _basket_columns(lines: Table) -> Table:
    baskets = lines.group_by(schema.SESSION_ID).agg(basket_lines=lines.count(), basket_value=lines[schema.VALUE].sum())
    return baskets.drop(schema.SESSION_ID)


def _sampled(table: Table, names: tuple[str, ...], rows: int, seed: int) -> dict[str, np.ndarray]:
    """A random sample without replacement; sorted first, because the engine's order is not fixed."""
    whole = table.order_by(list(names)).to_pyarrow()
    n = len(whole)
    drawn = whole.take(np.sort(np.random.default_rng(seed).choice(n, size=min(rows, n), replace=False)))
    return {name: _array(drawn[name].to_numpy()) for name in names}


def _array(values: np.ndarray) -> np.ndarray:
    return values.astype(np.str_) if values.dtype == object else values
