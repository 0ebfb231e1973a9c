"""Where rows stand that repeat what may be there once: a rule counts them, a person has to find them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from components.core import schema
from components.quality.rules import COMPOUND_UNIQUE, CONDITION, UNIQUE, Rule
from components.quality.suites import STOP, Suite
from components.quality.verdict import Verdict, shorten

if TYPE_CHECKING:
    from ibis import Table

SHOWN = 3  # keys, and places of each
PLACES, TIMES = "places", "times"


def placed(verdicts: Iterable[Verdict], suites: Iterable[Suite], tables: Mapping[str, Table]) -> list[Verdict]:
    """The verdicts, those that stop the run because rows repeat others with the places of the first.

    tables  as they were judged; those that do not say where their rows stood keep the verdict as it is
    """
    rules = {(suite.table, rule["meta"]["rule"]): rule for suite in suites for rule in suite.expectations}
    return [_placed(v, rules.get((v.table, v.rule)), tables.get(v.table)) for v in verdicts]


def _placed(v: Verdict, rule: Rule | None, table: Table | None) -> Verdict:
    if v.follows != STOP or v.broken or rule is None or table is None or CONDITION in rule["kwargs"]:
        return v
    if rule["type"] not in (UNIQUE, COMPOUND_UNIQUE) or schema.SOURCE_ROW not in table.columns:
        return v
    told = rule["kwargs"]
    return replace(v, observed=_where(table, told["column_list"] if "column_list" in told else [told["column"]]))


def _where(table: Table, columns: list[str]) -> str:
    """The keys that come most often, and where: "3 come again: i1 (products.csv, line 3; products.csv, line 9) …"."""
    place = table[schema.SOURCE_FILE].fill_null("") + ", line " + table[schema.SOURCE_ROW].cast("string")
    rows = table.filter(table[columns[0]].notnull()).mutate(**{PLACES: place})
    order = [schema.SOURCE_FILE, schema.SOURCE_ROW]
    keys = rows.group_by(columns).agg(**{TIMES: rows.count(), PLACES: rows[PLACES].collect(order_by=order)})
    again = keys.filter(keys[TIMES] > 1)
    first = again.order_by(again[TIMES].desc(), *columns).mutate(**{PLACES: again[PLACES][:SHOWN]})
    told = [_words(row, columns) for row in first.limit(SHOWN).to_pyarrow().to_pylist()]
    return f"{int(again.count().execute()):,} come again, e.g. {', '.join(told)}"


def _words(row: dict, columns: list[str]) -> str:
    key = " and ".join(shorten(str(row[c])) for c in columns)
    more = row[TIMES] - len(row[PLACES])
    return f"{key} ({'; '.join(row[PLACES])}{f'; {more:,} more' if more else ''})"
