"""Real Great Expectations on a few rows: conditions, their bad rows, absent columns, nothing to look at."""

import duckdb
import pyarrow as pa
import pytest

from components.core.errors import DataError
from components.quality.judge import judge, judge_tables
from components.quality.suites import Suite

pytestmark = pytest.mark.slow
BOUGHT = {"type": "comparison", "column": {"name": "event_type"}, "operator": "==", "parameter": "purchase"}
RATED = BOUGHT | {"parameter": "it's rated"}
GUEST = {"type": "nullity", "column": {"name": "session_id"}, "is_null": True}
LINES = pa.table({
    "user_id": ["u", None, "v", None], "event_type": ["view", "purchase", "purchase", "purchase"],
    "value": [None, None, 2.0, 3.0], "price": pa.array([None] * 4, pa.float64()),
})  # fmt: skip


def rule(name, kind, outcome="quarantine", empty=None, **kwargs):
    meta = {"rule": name, "outcome": outcome, "words": name, "why": "because"}
    return {"type": f"expect_{kind}", "kwargs": kwargs, "meta": meta | ({"may_be_empty": empty} if empty else {})}


RULES = (
    rule("paid", "column_values_to_not_be_null", column="value", row_condition=BOUGHT),
    rule("bought", "table_row_count_to_be_between", "stop", min_value=1, max_value=3, row_condition=BOUGHT),
    rule("rated", "column_values_to_not_be_null", column="value", row_condition=RATED),
    rule("may_rate", "column_values_to_not_be_null", empty="few rate", column="value", row_condition=RATED),
    rule("somebody", "column_values_to_not_be_null", column="user_id", row_condition=GUEST),
    rule("store", "column_values_to_not_be_null", column="store_id"),
    rule("colour", "column_values_to_not_be_null", column="colour"),
    rule("price", "column_values_to_be_between", empty="no prices", column="price", min_value=0, max_value=9),
    rule("all_prices", "column_values_to_be_between", column="price", min_value=0, max_value=9),
    rule("distinct", "compound_columns_to_be_unique", "warn", column_list=["event_type", "value"]),
    rule("repeated", "compound_columns_to_be_unique", "warn", column_list=["user_id", "event_type", "store_id"]),
    rule("dear", "column_values_to_be_between", column="value", min_value=0, max_value=1,
         row_condition={"type": "and", "conditions": [BOUGHT, GUEST | {"column": {"name": "user_id"}}]}),
)  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("judge") / "tables.duckdb"
    with duckdb.connect(str(path)) as con:
        con.from_arrow(LINES).project("row_number() OVER () AS row, *").create("interactions")
    return path


@pytest.fixture(scope="module")
def verdicts(database):
    return {v.rule: v for v in judge([Suite("interactions", RULES, shared=True)], database, {})}


def bad(database, verdict):
    with duckdb.connect(str(database)) as con:
        return [row[0] for row in con.sql(verdict.query).order("row").fetchall()]


def test_a_condition_counts_and_names_only_the_rows_it_matches(database, verdicts):
    """Great Expectations' own query would name row 1 too, a view that has no price."""
    assert (verdicts["paid"].evaluated, verdicts["paid"].unexpected) == (3, 1)
    assert bad(database, verdicts["paid"]) == [2]
    assert bad(database, verdicts["dear"]) == [4]


def test_a_twin_counts_the_rows_its_condition_matches(verdicts):
    assert (verdicts["bought"].follows, verdicts["bought"].observed) == ("holds", "3")


def test_a_condition_that_matches_nothing_stops_unless_it_may(verdicts):
    assert (verdicts["rated"].follows, verdicts["rated"].broken) == ("stop", "it looked at no row")
    assert (verdicts["may_rate"].follows, verdicts["may_rate"].observed) == ("nothing to judge", "few rate")


def test_a_column_of_missing_values_stops_unless_it_may(verdicts):
    assert verdicts["all_prices"].follows == "stop"
    assert verdicts["price"].follows == "nothing to judge"


def test_rows_are_told_apart_also_where_a_value_is_missing(verdicts):
    """Two purchases by nobody; Great Expectations' own rule would not see them, for missing values never join."""
    assert (verdicts["distinct"].follows, verdicts["distinct"].observed) == (
        "holds",
        "100.0000% of the rows are distinct",
    )
    assert (verdicts["repeated"].follows, verdicts["repeated"].observed) == (
        "warn",
        "75.0000% of the rows are distinct",
    )


def test_without_sessions_every_line_needs_a_user(database, verdicts):
    assert verdicts["somebody"].unexpected == 2
    assert bad(database, verdicts["somebody"]) == [2, 4]


def test_an_optional_column_may_be_absent_and_no_other(verdicts):
    assert verdicts["store"].follows == "not given"
    assert verdicts["colour"].follows == "stop"


def test_tables_in_memory_and_in_files_are_judged_alike(tmp_path):
    import pyarrow.parquet as pq

    pq.write_table(LINES, tmp_path / "lines.parquet")
    suites = [Suite(name, (RULES[0],)) for name in ("file", "memory")]
    found = judge_tables(suites, {"file": tmp_path / "lines.parquet", "memory": LINES}, {})
    assert [(v.table, v.unexpected) for v in found] == [("file", 1), ("memory", 1)]


def test_a_suite_without_its_table_is_refused():
    with pytest.raises(DataError, match="items: a suite, but no table"):
        judge_tables([Suite("items", RULES)], {}, {})
