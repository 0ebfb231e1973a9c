"""Great Expectations as the judge: suites run on whole tables inside DuckDB, without a project folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.errors import DataError
from components.core.progress import track
from components.quality.suites import Suite
from components.quality.verdict import Verdict, verdict

if TYPE_CHECKING:
    from great_expectations.datasource.fluent import SQLDatasource

ROW = "row"  # position in the table, the key by which a verdict names bad rows
EXAMPLES = 5
# duckdb-sqlalchemy has no transactions to roll back to; without these two, rules about row counts fail.
DUCKDB_DIALECT = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}


def judge(suites: Iterable[Suite], database: Path, settings: dict[str, str]) -> list[Verdict]:
    """Verdicts on all rules, in the order of the suites.

    database  DuckDB file that holds the suites' tables; nobody else may have it open
    settings  DuckDB settings (components.data.engine.settings)
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


def _open(database: Path, settings: dict[str, str]) -> SQLDatasource:
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_sql(
        "tables",
        connection_string=f"duckdb:///{database}",
        kwargs={**DUCKDB_DIALECT, "connect_args": {"config": settings}},
    )


def _judge_suite(source: SQLDatasource, suite: Suite) -> list[Verdict]:
    import great_expectations as gx

    asset = source.add_table_asset(suite.table, table_name=suite.table)
    batch = asset.add_batch_definition_whole_table("all").get_batch()
    outcome = batch.validate(
        gx.ExpectationSuite(name=suite.table, expectations=[dict(e) for e in suite.expectations]),
        result_format=_result_format(suite),
    )
    results = {r.expectation_config.meta["rule"]: r.to_json_dict() for r in outcome.results}
    missing = [e["meta"]["rule"] for e in suite.expectations if e["meta"]["rule"] not in results]
    if missing:
        raise DataError(f"validate: {suite.table}: Great Expectations returned no result for {', '.join(missing)}.")
    return [verdict(suite.table, e["meta"], results[e["meta"]["rule"]]) for e in suite.expectations]


def _result_format(suite: Suite) -> dict[str, Any]:
    basic = {"result_format": "BASIC", "partial_unexpected_count": EXAMPLES}
    if suite.is_raw:
        return basic
    return basic | {"unexpected_index_column_names": [ROW], "return_unexpected_index_query": True}
