"""Windows: what a stretch of time looks like, as columns that two stretches can be compared by."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from components.core import schema
from components.data.engine import connect, read_parquet, unix_seconds
from components.quality.mmd import title_vectors

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import Value

LINE_COLUMNS = ("unit_price", "discount_share", "event_type", "weekday", "hour", "department", "brand", "title")
BASKET_COLUMNS = ("basket_lines", "basket_value")
NOVELTY = "item_novelty"
NEW, KNOWN = "new", "known"
TITLE, TITLES = "title", "titles"  # the texts, and their vectors
MOST_TITLES = 2000
TEXT_COLUMNS = (schema.TITLE, schema.DEPARTMENT, schema.BRAND)
UNKNOWN = "unknown"
UTC = "utc_seconds"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Columns = dict[str, np.ndarray]


def compared(
    history: Path, newest: Path, items: Path, rows: int, seed: int, time_zone: str = "UTC"
) -> tuple[Columns, Columns]:
    """The history and the newest window, described by the same columns.

    history, newest, items  canonical tables
    rows       lines, and baskets, of each drawn at random at most; enough of both tell as much as all
    time_zone  the shop's own: by UTC, a change of the clocks would look like customers who come at another hour
    Returns    name → numbers, text or vectors, for each; lines, baskets and titles have different lengths, and a column
               that holds nothing in either window (a shop's that sells nothing, say) is left out
    """
    con = connect()
    tables = [read_parquet(con, path) for path in (history, newest)]
    known = read_parquet(con, items)
    found = []
    for lines, novelty in zip(tables, _novelties(*tables), strict=True):
        columns = at_the_shop(_sampled(line_columns(lines, known), rows, seed), time_zone)
        columns |= _sampled(novelty, rows, seed)
        found.append(vectorised(columns | _sampled(basket_columns(lines), rows, seed)))
    con.disconnect()
    told = [name for name in found[0] if any(_holds_something(columns[name]) for columns in found)]
    return tuple({name: columns[name] for name in told} for columns in found)


def described(lines: Table, items: Table, order: str, rows: int, time_zone: str = "UTC") -> Columns:
    """A stretch of time, described by the same columns as far as the shop has them; titles are left as text.

    lines  canonical interactions with a column `order`, the position of a row from 1
    rows   about so many lines are taken, evenly over the table, and as many baskets as they lie in
    """
    step = max(int(lines.count().execute()) // rows, 1)
    taken = lines.filter(lines[order] % step == 0).drop(order)
    found = at_the_shop(_whole(line_columns(taken, items)), time_zone)
    if schema.SESSION_ID in lines.columns:
        found |= _whole(basket_columns(lines.semi_join(taken, schema.SESSION_ID)))
    return found


def vectorised(columns: Columns) -> Columns:
    """The columns with vectors in the place of the titles."""
    found = dict(columns)
    if TITLE in found:
        titles = found.pop(TITLE)
        step = max(len(titles) // MOST_TITLES, 1)
        found[TITLES] = title_vectors(titles[::step])
    return found


def line_columns(lines: Table, items: Table) -> Table:
    """What one line looks like, by as many of LINE_COLUMNS as the two tables give; its time in seconds of UTC."""
    texts = [c for c in TEXT_COLUMNS if c in items.columns]
    sold = lines.filter(lines[schema.QUANTITY].fill_null(1.0) > 0) if schema.QUANTITY in lines.columns else lines
    joined = sold.left_join(items.select(schema.ITEM_ID, *texts), schema.ITEM_ID)
    found = {schema.EVENT_TYPE: joined[schema.EVENT_TYPE], UTC: unix_seconds(joined[schema.TIMESTAMP])}
    found |= {c: joined[c].fill_null(UNKNOWN) for c in texts} | _money(joined)
    return joined.select(**{name: found[name] for name in (*LINE_COLUMNS, UTC) if name in found})


def basket_columns(lines: Table) -> Table:
    """What one basket looks like: its lines, and where lines have values, what was paid."""
    value = {"basket_value": lines[schema.VALUE].sum()} if schema.VALUE in lines.columns else {}
    baskets = lines.group_by(schema.SESSION_ID).agg(basket_lines=lines.count(), **value)
    return baskets.drop(schema.SESSION_ID)


def _money(lines: Table) -> dict[str, Value]:
    if schema.VALUE not in lines.columns:
        return {}
    value = lines[schema.VALUE]
    units = lines[schema.QUANTITY].fill_null(1.0) if schema.QUANTITY in lines.columns else 1.0
    found = {"unit_price": value / units}
    if schema.DISCOUNT in lines.columns:
        found["discount_share"] = lines[schema.DISCOUNT] / (value + lines[schema.DISCOUNT]).nullif(0)
    return found


def at_the_shop(columns: Columns, time_zone: str) -> Columns:
    """The columns with `weekday` and `hour` at the shop's clock in the place of UTC seconds."""
    zone, seconds = ZoneInfo(time_zone), columns[UTC].astype(float)
    moments, place = np.unique(seconds[~np.isnan(seconds)], return_inverse=True)
    local = [datetime.fromtimestamp(moment, zone) for moment in moments]
    weekday, hour = np.full(len(seconds), UNKNOWN, dtype="<U9"), np.full(len(seconds), np.nan)
    weekday[~np.isnan(seconds)] = np.array([DAYS[at.weekday()] for at in local], dtype="<U9")[place]
    hour[~np.isnan(seconds)] = np.array([at.hour for at in local], dtype=float)[place]
    told = columns | {"weekday": weekday, "hour": hour}
    return {name: told[name] for name in (*LINE_COLUMNS, *told) if name in told and name != UTC}


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


def _sampled(table: Table, rows: int, seed: int) -> Columns:
    """A random sample without replacement; sorted first, because the engine's order is not fixed."""
    whole = table.order_by(list(table.columns)).to_pyarrow()
    n = len(whole)
    drawn = whole.take(np.sort(np.random.default_rng(seed).choice(n, size=min(rows, n), replace=False)))
    return {name: _array(drawn[name].to_numpy()) for name in table.columns}


def _holds_something(values: np.ndarray) -> bool:
    return bool(len(values)) and not (values.dtype.kind == "f" and np.isnan(values).all())


def _whole(table: Table) -> Columns:
    rows = table.order_by(list(table.columns)).to_pyarrow()
    return {name: _array(rows[name].to_numpy()) for name in table.columns}


def _array(values: np.ndarray) -> np.ndarray:
    return values.astype(np.str_) if values.dtype == object else values
