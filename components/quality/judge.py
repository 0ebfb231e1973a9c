"""Great Expectations as the judge: suites run on whole tables inside DuckDB, without a project folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.errors import DataError
from components.core.progress import track
from components.quality.rules import COMPOUND_UNIQUE, CONDITION, ROW_COUNT, Rule, absent_columns, columns_of, fitted
from components.quality.suites import Suite
from components.quality.vendor import great_expectations
from components.quality.verdict import REPEATS, Verdict, not_given, verdict

if TYPE_CHECKING:
    import pyarrow as pa
    from great_expectations.datasource.fluent import SQLDatasource

ROW = "row"  # position in the table, the key by which a verdict names bad rows
KEY = "key"
MOST_ROWS = 10**15
DISTINCT = "expect_column_proportion_of_unique_values_to_be_between"
BASIC = {"result_format": "BASIC", "partial_unexpected_count": 5}
# duckdb-sqlalchemy has no transactions to roll back to; without these two, rules about row counts fail.
DUCKDB_DIALECT = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}


def judge(suites: Iterable[Suite], database: Path, settings: dict[str, str]) -> list[Verdict]:
    """Verdicts on all rules, in the order of the suites.

    database  DuckDB file that holds the suites' tables; nobody else may have it open
    settings  DuckDB settings (components.data.engine.settings)
    Rules about optional columns that a table lacks are told as `not given`; all others are judged.
    Raises    DataError if there is no suite, or a suite has no rule: nothing would have been judged.
    """
    suites = list(suites)
    if not suites or not all(suite.expectations for suite in suites):
        raise DataError("validate: a suite has no rule, so nothing would be judged; restore expectations/.")
    source = _open(database, settings)
    try:
        return [v for suite in track(suites, "judging tables") for v in _judge_suite(source, suite)]
    finally:
        source.get_execution_engine().close()  # two engines, each with the file open; DuckDB wants both to let go
        source.get_engine().dispose()


def judge_tables(
    suites: Iterable[Suite], tables: Mapping[str, Path | pa.Table], settings: dict[str, str]
) -> list[Verdict]:
    """Verdicts on tables that lie in parquet files or in memory, one suite each.

    tables  by the name in their suite
    Raises  DataError if a suite has no table
    """
    import duckdb

    suites = list(suites)
    lacking = {suite.table for suite in suites} - set(tables)
    if lacking:
        raise DataError(f"quality: {', '.join(sorted(lacking))}: a suite, but no table to judge.")
    with tempfile.TemporaryDirectory(prefix="shoploop-judge-") as folder:
        database = Path(folder) / "tables.duckdb"
        with duckdb.connect(str(database), config=settings) as con:
            for name in track([suite.table for suite in suites], "laying out tables"):
                given = tables[name]
                rows = con.read_parquet(str(given)) if isinstance(given, Path) else con.from_arrow(given)
                rows.project(f"row_number() OVER () AS {ROW}, *").create(name)
        return judge(suites, database, settings)


def _open(database: Path, settings: dict[str, str]) -> SQLDatasource:
    gx = great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_sql(
        "tables",
        connection_string=f"duckdb:///{database}",
        kwargs={**DUCKDB_DIALECT, "connect_args": {"config": settings}},
    )


def _judge_suite(source: SQLDatasource, suite: Suite) -> list[Verdict]:
    given = _columns(source, suite.table)
    absent = absent_columns(suite.table, suite.expectations, given)
    rules = [fitted(rule, absent) for rule in suite.expectations]
    judged = [rule for rule in rules if rule is not None]
    results = _results(source, suite, judged, given) if judged else {}
    missing = [rule["meta"]["rule"] for rule in judged if rule["meta"]["rule"] not in results]
    if missing:
        raise DataError(f"validate: {suite.table}: Great Expectations returned no result for {', '.join(missing)}.")
    return [
        not_given(suite.table, whole) if rule is None else verdict(suite.table, rule, results[rule["meta"]["rule"]])
        for whole, rule in zip(suite.expectations, rules, strict=True)
    ]


def _results(source: SQLDatasource, suite: Suite, rules: list[Rule], given: list[str]) -> dict[str, dict[str, Any]]:
    """Great Expectations' results by rule, as JSON."""
    keys = [rule for rule in rules if _is_key(rule) and columns_of(rule) <= set(given)]
    asset = source.add_table_asset(suite.table, table_name=suite.table)
    results = _validated(asset, suite.table, [rule for rule in rules if rule not in keys], _result_format(suite))
    for number, rule in enumerate(keys):
        columns = ", ".join(f'"{column}"' for column in rule["kwargs"]["column_list"])
        query = f'SELECT hash({columns}) AS {KEY} FROM "{suite.table}"'  # noqa: S608 - names of our own suites
        asset = source.add_query_asset(f"{suite.table}_key_{number}", query=query)
        found = _validated(asset, asset.name, [_distinct(rule), _counted()], BASIC)
        results[rule["meta"]["rule"]] = _with_repeats(found[rule["meta"]["rule"]], found[ROW])
    for rule in rules:
        found = results.get(rule["meta"]["rule"], {}).get("result") or {}
        if rule["kwargs"].get(CONDITION) and found.get("unexpected_index_query"):
            found["unexpected_index_query"] = _conditioned(source, suite.table, rule, found["unexpected_index_query"])
    return results


def _validated(asset: Any, name: str, rules: list[Rule], result_format: dict[str, Any]) -> dict[str, dict[str, Any]]:
    import great_expectations as gx

    if not rules:
        return {}
    suite = gx.ExpectationSuite(name=name, expectations=[dict(rule) for rule in rules])
    outcome = asset.add_batch_definition_whole_table("all").get_batch().validate(suite, result_format=result_format)
    return {r.expectation_config.meta["rule"]: r.to_json_dict() for r in outcome.results}


def _is_key(rule: Rule) -> bool:
    return rule["type"] == COMPOUND_UNIQUE and CONDITION not in rule["kwargs"]


def _distinct(rule: Rule) -> Rule:
    """A rule that columns are unique together, as one about a hash of them.

    Great Expectations 1.24 joins the table with its own groups for it: four times the cost of counting, and rows with
    a missing value in one of the columns never join, so that their duplicates pass. A hash of 64 bits over a hundred
    million rows has a collision, a false alarm, once in four thousand runs.
    """
    return {"type": DISTINCT, "kwargs": {"column": KEY, "min_value": 1, "max_value": 1}, "meta": rule["meta"]}


def _counted() -> Rule:
    """How many rows there are, whatever their number; its name is no rule's."""
    return {"type": ROW_COUNT, "kwargs": {"min_value": 0, "max_value": MOST_ROWS}, "meta": {"rule": ROW}}


def _with_repeats(result: dict[str, Any], counted: dict[str, Any]) -> dict[str, Any]:
    """The result of a rule on distinct rows, with the number of rows beyond the first of their kind."""
    found, rows = result["result"], counted["result"].get("observed_value")
    if found.get("observed_value") is not None and rows is not None:
        found[REPEATS] = round((1 - found["observed_value"]) * rows)
    return result


def _conditioned(source: SQLDatasource, table: str, rule: Rule, query: str) -> str:
    """Great Expectations 1.24 leaves the condition out of the query that names the bad rows; put it back."""
    from great_expectations.expectations.row_conditions import deserialize_row_condition

    clause = source.get_execution_engine().condition_to_filter_clause(
        deserialize_row_condition(rule["kwargs"][CONDITION])
    )
    condition = clause.compile(dialect=source.get_engine().dialect, compile_kwargs={"literal_binds": True})
    bad = query.strip().rstrip(";")
    return f'SELECT {ROW} FROM ({bad}) WHERE {ROW} IN (SELECT {ROW} FROM "{table}" WHERE {condition})'  # noqa: S608


def _columns(source: SQLDatasource, table: str) -> list[str]:
    import sqlalchemy as sa

    return [column["name"] for column in sa.inspect(source.get_engine()).get_columns(table)]


def _result_format(suite: Suite) -> dict[str, Any]:
    if suite.is_raw:
        return BASIC
    return BASIC | {"unexpected_index_column_names": [ROW], "return_unexpected_index_query": True}
