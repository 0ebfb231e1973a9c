"""Which items and users are not listed: rules on a check column count them, a person wants to see their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from components.core import schema
from components.quality.rules import USER_IS_LISTED, columns_of
from components.quality.suites import Suite
from components.quality.verdict import Verdict, shorten
from components.quality.workspace import IS_LISTED

if TYPE_CHECKING:
    from ibis import Table

NAMES = {IS_LISTED: schema.ITEM_ID, USER_IS_LISTED: schema.USER_ID}
SHOWN = 5


def named(verdicts: Iterable[Verdict], suites: Iterable[Suite], tables: Mapping[str, Table]) -> list[Verdict]:
    """The verdicts, those on a check column with the ids that most rows name in vain: "e.g. 0007 (12 rows), 8 (1)".

    tables  as they were judged, with their check columns
    """
    checks = {
        (suite.table, rule["meta"]["rule"]): column
        for suite in suites
        for rule in suite.expectations
        for column in columns_of(rule) & {*NAMES}
    }
    found: dict[tuple[str, str], str] = {}
    told = []
    for v in verdicts:
        column = checks.get((v.table, v.rule))
        if column and v.unexpected and not v.observed and v.table in tables:
            key = v.table, column
            found[key] = found.get(key) or _most_frequent(tables[v.table], column)
            v = replace(v, observed=found[key])
        told.append(v)
    return told


def _most_frequent(table: Table, check: str) -> str:
    """The ids that fail the check, by falling number of rows."""
    name = NAMES[check]
    lacking = table.filter(~table[check])
    counted = lacking.group_by(name).agg(rows=lacking.count())
    first = counted.order_by(counted.rows.desc(), name).limit(SHOWN).to_pyarrow().to_pylist()
    said = [f"{shorten(str(row[name]))} ({row['rows']:,} rows)" for row in first if row[name] is not None]
    return f"e.g. {', '.join(said)}" if said else ""
