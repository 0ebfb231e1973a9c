"""Windows: what a stretch of time looks like, as columns that two stretches can be compared by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.data.engine import connect, read_parquet

if TYPE_CHECKING:
    from datetime import datetime

    from ibis import Table
    from ibis.expr.types import TimestampValue

LINE_COLUMNS = ("unit_price", "discount_share", "weekday", "hour", "department", "brand")
BASKET_COLUMNS = ("basket_lines", "basket_value")
NOVELTY = "item_novelty"
NEW, KNOWN = "new", "known"

Columns = dict[str, np.ndarray]


def compared(
    history: Path, newest: Path, items: Path, rows: int, seed: int, time_zone: str = "UTC"
) -> tuple[Columns, Columns]:
    """The history and the newest window, described by the same columns.

    history, newest, items  canonical tables
    rows       lines, and baskets, of each drawn at random at most; enough of both tell as much as all
    time_zone  the shop's own: by UTC, a change of the clocks would look like customers who come at another hour
    Returns    name → numbers or text, for each; lines and baskets have different lengths
    """
    con = connect()
    tables = [read_parquet(con, path) for path in (history, newest)]
    known = read_parquet(con, items).select(schema.ITEM_ID, schema.DEPARTMENT, schema.BRAND)
    found = tuple(
        _described(lines, known, rows, seed, time_zone) | _sampled(novelty, (NOVELTY,), rows, seed)
        for lines, novelty in zip(tables, _novelties(*tables), strict=True)
    )
    con.disconnect()
    return found


def _described(lines: Table, items: Table, rows: int, seed: int, time_zone: str) -> Columns:
    joined = lines.left_join(items, schema.ITEM_ID)
    found = _sampled(_line_columns(joined, time_zone), LINE_COLUMNS, rows, seed)
    return found | _sampled(_basket_columns(lines), BASKET_COLUMNS, rows, seed)


def _line_columns(lines: Table, time_zone: str) -> Table:
    full_price = lines[schema.VALUE] + lines[schema.DISCOUNT]
    local = _at_the_shop(lines[schema.TIMESTAMP], time_zone)
    return lines.filter(lines[schema.QUANTITY] > 0).select(
        unit_price=lines[schema.VALUE] / lines[schema.QUANTITY],
        discount_share=lines[schema.DISCOUNT] / full_price.nullif(0),
        weekday=local.day_of_week.full_name(),
        hour=local.hour(),
        department=lines[schema.DEPARTMENT].fill_null("unknown"),
        brand=lines[schema.BRAND].fill_null("unknown"),
    )


def _at_the_shop(utc: TimestampValue, time_zone: str) -> TimestampValue:
    """The shop's clock; Ibis has no word for it, so DuckDB's own function is called."""
    import ibis
    import ibis.expr.datatypes as dt

    signature = ((dt.string, dt.Timestamp("UTC")), dt.timestamp)
    local = ibis.udf.scalar.builtin(lambda _zone, _at: None, name="timezone", signature=signature)
    return local(time_zone, utc.cast(dt.Timestamp("UTC")))


def _novelties(history: Table, newest: Table) -> tuple[Table, Table]:
    """Whether a line's item had been sold before the window the line is in.

    All of the history would have nothing before it, so its last stretch as long as the newest window stands for it.
    """
    first, last = _span(newest)
    start = _span(history)[1] - (last - first)
    earlier = history.filter(history[schema.TIMESTAMP] < start)
    tail = history.filter(history[schema.TIMESTAMP] >= start)
    return _novelty(tail, earlier), _novelty(newest, history)


def _span(lines: Table) -> tuple[datetime, datetime]:
    at = lines[schema.TIMESTAMP]
    (ends,) = lines.agg(first=at.min(), last=at.max()).to_pyarrow().to_pylist()
    return ends["first"], ends["last"]


def _novelty(lines: Table, before: Table) -> Table:
    sold = before.select(schema.ITEM_ID).distinct().mutate(was_sold=True)
    joined = lines.left_join(sold, schema.ITEM_ID)
    return joined.select(**{NOVELTY: joined.was_sold.isnull().ifelse(NEW, KNOWN)})


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
