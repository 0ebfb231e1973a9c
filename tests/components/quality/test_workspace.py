"""The quarantine follows Great Expectations' own query, and does not believe a count that it cannot reproduce."""

import pytest

from components.core.errors import DataError
from components.data.engine import connect
from components.quality.quarantine import Raw, condemned
from components.quality.verdict import Verdict, worst
from components.quality.workspace import accepted, bad_rows, plain


@pytest.fixture
def con():
    con = connect(0.5, 1)
    con.raw_sql(
        "CREATE TABLE items AS SELECT * FROM (VALUES (1, 'a', 5), (2, 'b', -1), (3, 'c', -2)) t(row, item_id, price)"
    )
    yield con
    con.disconnect()


def negative(unexpected, table="items"):
    query = "SELECT row, price FROM items WHERE price < 0;"
    return Verdict(table, "price", "quarantine", "not negative", "it is negative", False, 3, unexpected, query=query)


def test_rows_are_sorted_into_accepted_and_condemned(con, tmp_path):
    bad = bad_rows(con, "items", [negative(2)])
    assert plain(accepted(con.table("items"), bad)).to_pyarrow().to_pylist() == [{"item_id": "a", "price": 5}]
    rows = condemned(con, "items", bad, Raw(tmp_path)).order_by("row").to_pyarrow().to_pylist()
    nowhere = {"source_file": None, "source_row": None}
    assert rows[0] == nowhere | {
        "row": 2, "table": "items", "item_id": "b", "price": -1, "rule": "price", "reason": "it is negative",
        "original": '{"item_id":"b","price":-1}',
    }  # fmt: skip
    assert [row["row"] for row in rows] == [2, 3]


def test_a_count_that_the_query_does_not_reproduce_stops_the_run(con):
    with pytest.raises(DataError, match="counted 3 bad rows, but its query finds 2"):
        bad_rows(con, "items", [negative(3)])


def test_verdicts_on_other_tables_condemn_nothing(con):
    assert bad_rows(con, "items", [negative(2, table="users")]) is None


def test_no_verdict_at_all_says_stop():
    assert worst([]) == "stop"
