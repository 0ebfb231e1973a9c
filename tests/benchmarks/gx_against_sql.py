"""Great Expectations against the same checks as bare SQL, on one DuckDB file of ten million interactions.

    python -m tests.benchmarks.gx_against_sql [rows]

Both judge the committed suite of interactions. The SQL is one query per rule, written by hand: how many rows break it.
Both must count the same bad rows, else nothing is printed but the difference. Printed: CPU and wall seconds of both,
their difference, and what importing Great Expectations costs on top (once per process; twice as much where Python may
keep no bytecode, as in its first run).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from components.core import layout
from components.data.engine import settings
from components.quality.judge import judge
from components.quality.rules import CONDITION, Rule, absent_columns, fitted
from components.quality.suites import Suite, load_suites

ROWS = 10_000_000
TABLE = "interactions"
LIMITS = settings(4.0, 2)
MAKE = f"""
CREATE TABLE {TABLE} AS SELECT
  i + 1 AS "row",
  'u' || (hash(i) % 200000) AS user_id, 'p' || (hash(i * 7 + 1) % 90000) AS item_id, 'purchase' AS event_type,
  TIMESTAMP '2017-01-01' + INTERVAL (i % 31000000) SECOND AS timestamp,
  CASE WHEN i % 1000 = 0 THEN -1.0 WHEN i % 3333 = 0 THEN 'inf'::DOUBLE ELSE (hash(i * 3) % 5000) / 100.0 END AS value,
  CASE WHEN i % 777 = 0 THEN 0.0 ELSE 1.0 END AS quantity,
  CASE WHEN i % 5000 = 0 THEN NULL ELSE 's' || (i // 8) END AS session_id, 'm' || (i % 100) AS store_id,
  0.0 AS discount, 0.0 AS coupon_discount, i % 20000 <> 0 AS item_is_listed
FROM range({{rows}}) t(i)
"""


def main(rows: int = ROWS) -> None:
    """Make the table, judge it twice, print the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "tables.duckdb"
        with duckdb.connect(str(database), config=LIMITS) as con:
            con.sql(MAKE.format(rows=rows))
        suite = _suite()
        imported, _ = _measured(_import)
        by_sql, counted = _measured(lambda: _by_sql(suite, database))
        by_gx, verdicts = _measured(lambda: judge([suite], database, LIMITS))
    found = {v.rule: v.unexpected for v in verdicts if not v.unjudged}
    differing = {rule: (counted[rule], n) for rule, n in found.items() if rule in counted and counted[rule] != n}
    if differing or set(found) != set(counted):
        sys.exit(f"the two do not agree (SQL, Great Expectations): {differing or set(found) ^ set(counted)}")
    print(f"{rows:,} rows, {len(found)} rules, {sum(n > 0 for n in found.values())} of them broken, both agree")
    for name, (cpu, wall) in (("bare SQL", by_sql), ("Great Expectations", by_gx)):
        print(f"{name:<20} {cpu:6.1f} CPU s {wall:6.1f} s")
    beyond = [ours - theirs for ours, theirs in zip(by_gx, by_sql, strict=True)]
    both = [more + once for more, once in zip(beyond, imported, strict=True)]
    print(f"difference           {beyond[0]:6.1f} CPU s {beyond[1]:6.1f} s")
    print(f"importing it, once   {imported[0]:6.1f} CPU s {imported[1]:6.1f} s")
    print(f"both                 {both[0]:6.1f} CPU s {both[1]:6.1f} s (target: at most 5 s)")
    print(f"ratio of the checks  {by_gx[0] / by_sql[0]:6.2f}")


def _suite() -> Suite:
    suites = load_suites(Path(layout.EXPECTATIONS), "complete_journey")
    (suite,) = (s for s in suites if s.table == TABLE)
    return suite


def _by_sql(suite: Suite, database: Path) -> dict[str, int]:
    """Bad rows by rule; 0 or 1 for rules about the table."""
    with duckdb.connect(str(database), config=LIMITS) as con:
        columns = con.table(TABLE).columns
        absent = absent_columns(TABLE, suite.expectations, columns)
        rules = [rule for rule in (fitted(rule, absent) for rule in suite.expectations) if rule is not None]
        return {rule["meta"]["rule"]: con.execute(_query(rule)).fetchone()[0] for rule in rules}


def _query(rule: Rule) -> str:
    kind, k = rule["type"], rule["kwargs"]
    assert not k.get(CONDITION), "the suite of Complete Journey judges every row"
    if kind == "expect_table_row_count_to_be_between":
        return f"SELECT (count(*) NOT BETWEEN {k['min_value']} AND {k['max_value']})::INT FROM {TABLE}"
    if kind == "expect_compound_columns_to_be_unique":
        keys = ", ".join(k["column_list"])
        return f"SELECT (count(*) > 0)::INT FROM (SELECT count(*) AS n FROM {TABLE} GROUP BY {keys} HAVING n > 1)"
    return f"SELECT count(*) FROM {TABLE} WHERE {_broken(kind, k)}"


def _broken(kind: str, k: dict) -> str:
    column, low, high = k["column"], k.get("min_value"), k.get("max_value")
    if isinstance(low, str):
        low, high = f"'{low}'", f"'{high}'"
    above = ">" if k.get("strict_min") else ">="
    forms = {
        "expect_column_values_to_not_be_null": f"{column} IS NULL",
        "expect_column_values_to_be_null": f"{column} IS NOT NULL",
        "expect_column_values_to_be_between": f"NOT ({column} {above} {low} AND {column} <= {high})",
        "expect_column_value_lengths_to_be_between": f"length({column}) NOT BETWEEN {low} AND {high}",
        "expect_column_values_to_be_in_set": f"{column} NOT IN ({', '.join(map(repr, k.get('value_set', ())))})",
    }
    return forms[kind]


def _import() -> None:
    from components.quality.vendor import great_expectations

    great_expectations()


def _measured(do: Callable) -> tuple[tuple[float, float], object]:
    """CPU and wall seconds, and what was returned."""
    wall, cpu = time.monotonic(), _cpu()
    result = do()
    return (_cpu() - cpu, time.monotonic() - wall), result


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
    sys.stdout.flush()
    os._exit(0)  # DuckDB's binding prints forty harmless lines after Great Expectations
