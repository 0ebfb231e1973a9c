"""Drafts: a suite made from a good snapshot, for a person to read, correct and accept.

A draft says what is true of the data it was made from, with slack: which columns there are and how full, in which
ranges, which values the columns of few values have, what comes once, how many rows there are, and how many of them name
listed items. It knows nothing of what should be: that is for the person who takes its mark away. Until then no run
accepts it (components/quality/suites.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.quality.rules import COMPOUND_UNIQUE, NOT_NULL, RANGE, ROW_COUNT, Rule
from components.quality.suites import DRAFT, QUARANTINE, STOP, WARN
from components.quality.workspace import IS_LISTED

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import Value

IN_SET = "expect_column_values_to_be_in_set"
LENGTHS = "expect_column_value_lengths_to_be_between"
UNIQUE = "expect_column_values_to_be_unique"
COLUMN_SET = "expect_table_columns_to_match_set"
TO_READ = "made from one snapshot; correct what should be otherwise, then delete this line"
EVENTS_KEY = (schema.USER_ID, schema.ITEM_ID, schema.EVENT_TYPE, schema.SESSION_ID, schema.TIMESTAMP)
KEYS = {
    schema.INTERACTIONS_TABLE: EVENTS_KEY,
    schema.ITEMS_TABLE: (schema.ITEM_ID,),
    schema.USERS_TABLE: (schema.USER_ID,),
    schema.PROMOTIONS_TABLE: (schema.ITEM_ID, schema.WEEK_START),
    schema.QUERIES_TABLE: (schema.QUERY_ID, schema.ITEM_ID),
    schema.EXPOSURES_TABLE: (schema.REQUEST_ID, schema.POSITION),
}
SHARE_DECIMALS = 4


class DraftConfig(Config):
    """How far a draft lets new data stray from the snapshot."""

    rows_factor: float = Field(2.0, gt=1, le=1000, description="rows from 1/factor to factor times those there are")
    range_slack: float = Field(0.5, ge=0, le=100, description="of a column's width, added at both ends of its range")
    days_ahead: int = Field(366, ge=0, le=36_600, description="after the newest time there is")
    share_slack: float = Field(0.01, ge=0, le=0.5, description="taken off a share that must hold")
    most_values: int = Field(20, ge=1, le=1000, description="a text column of at most so many values is a set")
    least_repeats: int = Field(5, ge=2, le=1000, description="and of so many rows for each of its values")


@dataclass(frozen=True)
class _Column:
    """What one column holds."""

    name: str
    kind: str
    given: int
    finite: int
    low: Any
    high: Any
    values: tuple[str, ...] | None


def draft(name: str, table: Table, config: DraftConfig) -> dict[str, Any]:
    """The draft of the suite of a canonical table, in the form of expectations/*.json.

    table   accepted rows; with `item_is_listed` where the table names items
    Raises  DataError if there is no row
    """
    rows = int(table.count().execute())
    if not rows:
        raise DataError(f"expect: {name} has no row; a draft needs a good snapshot.")
    columns = [c for c in schema.COLUMNS[name] if c in table.columns]
    found = [_column(table, c, config, rows) for c in columns]
    rules = [_row_count(rows, config), _schema_rule([c.name for c in found if c.given])]
    for column in found:
        rules += _column_rules(column, rows, config)
    rules += _unique(name, table, rows) + _listed(table, rows, config)
    return {"name": name, DRAFT: TO_READ, "expectations": rules}


def _column(table: Table, name: str, config: DraftConfig, rows: int) -> _Column:
    column, kind = table[name], table[name].type()
    finite = ~(column.isnan() | column.isinf()) if kind.is_floating() else column.notnull()
    measured = column.length() if kind.is_string() else column
    asked = {"given": column.count(), "finite": column.count(where=finite)}
    asked |= {"low": measured.min(where=finite), "high": measured.max(where=finite)}
    (found,) = table.agg(**asked).to_pyarrow().to_pylist()
    values = _few(column, config, rows) if kind.is_string() else None
    word = "text" if kind.is_string() else "time" if kind.is_timestamp() else "number"
    return _Column(name, word, **found, values=values)


def _few(column: Value, config: DraftConfig, rows: int) -> tuple[str, ...] | None:
    """The values of a column that has few of them, each often; None for others."""
    distinct = int(column.nunique().execute())
    if not 0 < distinct <= min(config.most_values, rows // config.least_repeats):
        return None
    values = column.as_table().filter(lambda t: t[0].notnull()).distinct()
    return tuple(sorted(values.to_pyarrow()[0].to_pylist()))


def _row_count(rows: int, config: DraftConfig) -> Rule:
    low, high = max(math.floor(rows / config.rows_factor), 1), math.ceil(rows * config.rows_factor)
    why = f"the snapshot had {rows:,}; far fewer is a broken copy, far more are two"
    kwargs = {"min_value": low, "max_value": high}
    return _rule(ROW_COUNT, kwargs, "row_count", STOP, f"the table has {low:,} to {high:,} rows", why)


def _schema_rule(columns: list[str]) -> Rule:
    words = f"the table has the columns {', '.join(columns)}"
    why = "the snapshot gave them; without one of them later steps know less than they did"
    return _rule(COLUMN_SET, {"column_set": columns, "exact_match": False}, "columns_there", STOP, words, why)


def _column_rules(column: _Column, rows: int, config: DraftConfig) -> list[Rule]:
    if not column.given:
        return []
    found = [_present(column, rows, config)]
    if column.kind == "text":
        found.append(_lengths(column))
        if column.values:
            found.append(_known(column))
    elif column.finite:
        found.append(_range(column, config))
    return found


def _present(column: _Column, rows: int, config: DraftConfig) -> Rule:
    name, share = column.name, column.given / rows
    if column.given == rows:
        words, why = f"{name} is never missing", f"the snapshot has {name} in every row"
        return _rule(NOT_NULL, {"column": name}, f"{name}_present", QUARANTINE, words, why)
    mostly = _share(share, config)
    words = f"{name} is there in at least {mostly:.2%} of the rows"
    why = f"the snapshot has it in {share:.2%}; with less of it something was lost on the way"
    return _rule(NOT_NULL, {"column": name, "mostly": mostly}, f"{name}_present", WARN, words, why)


def _lengths(column: _Column) -> Rule:
    name, low, high = column.name, min(column.low, 1), 2 * max(column.high, 1)
    words = f"{name} has {low} to {high:,} characters"
    why = f"the snapshot's have {column.low} to {column.high:,}; a longer one is two run together, or another column"
    kwargs = {"column": name, "min_value": low, "max_value": high}
    return _rule(LENGTHS, kwargs, f"{name}_not_empty", WARN, words, why)


def _known(column: _Column) -> Rule:
    name, values = column.name, list(column.values)
    outcome = QUARANTINE if name == schema.EVENT_TYPE else WARN
    words, why = f"{name} is one of {', '.join(values)}", "the snapshot has no other; a new value wants to be looked at"
    return _rule(IN_SET, {"column": name, "value_set": values}, f"{name}_known", outcome, words, why)


def _range(column: _Column, config: DraftConfig) -> Rule:
    name, (low, high) = column.name, _bounds(column, config)
    kwargs = {"column": name, "min_value": low, "max_value": high}
    words = f"{name} is finite and lies between {_words(low)} and {_words(high)}"
    why = f"the snapshot's lie between {_words(column.low)} and {_words(column.high)}"
    if column.finite < column.given:
        kwargs["mostly"] = _share(column.finite / column.given, config)
        why += ", but for some that are no numbers"
        return _rule(RANGE, kwargs, f"{name}_in_range", WARN, words, why)
    return _rule(RANGE, kwargs, f"{name}_in_range", QUARANTINE, words, why)


def _bounds(column: _Column, config: DraftConfig) -> tuple[Any, Any]:
    from datetime import timedelta

    low, high = column.low, column.high
    if column.kind == "time":
        earliest = low - config.range_slack * (high - low) - timedelta(days=1)
        return tuple(f"{at:%Y-%m-%d %H:%M:%S}" for at in (earliest, high + timedelta(days=config.days_ahead + 1)))
    slack = config.range_slack * max(high - low, abs(high), 1)
    lowest = low - slack
    return (0 if low >= 0 > lowest else math.floor(lowest)), math.ceil(high + slack)


def _unique(name: str, table: Table, rows: int) -> list[Rule]:
    key = [c for c in KEYS[name] if c in table.columns]
    if key and int(table.select(*key).distinct().count().execute()) < rows:
        return []
    rule = "events_unique" if name == schema.INTERACTIONS_TABLE else f"{'_'.join(key)}_unique"
    words = f"no two rows share {' and '.join(key)}" if len(key) > 1 else f"no {key[0]} comes twice"
    why = "in the snapshot no two do; what comes twice was exported twice, or joined to several rows"
    if len(key) == 1:
        return [_rule(UNIQUE, {"column": key[0]}, rule, STOP, words, why)]
    return [_rule(COMPOUND_UNIQUE, {"column_list": key}, rule, WARN, words, why)]


def _listed(table: Table, rows: int, config: DraftConfig) -> list[Rule]:
    if IS_LISTED not in table.columns:
        return []
    share = int(table.count(where=table[IS_LISTED]).execute()) / rows
    mostly = _share(share, config)
    words = f"at least {mostly:.2%} of the rows name a listed item"
    why = f"{share:.2%} of the snapshot's do; with fewer, items and this table are of different days"
    kwargs = {"column": IS_LISTED, "value_set": [True]} | ({"mostly": mostly} if mostly else {})
    return [_rule(IN_SET, kwargs, "items_fit", STOP, words, why)] if mostly else []


def _share(share: float, config: DraftConfig) -> float:
    scale = 10**SHARE_DECIMALS
    return max(math.floor((share - config.share_slack) * scale), 1) / scale


def _rule(kind: str, kwargs: dict[str, Any], name: str, outcome: str, words: str, why: str) -> Rule:
    return {"type": kind, "kwargs": kwargs, "meta": {"rule": name, "outcome": outcome, "words": words, "why": why}}


def _words(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
