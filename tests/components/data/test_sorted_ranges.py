"""Files sorted range by range hold the rows in the order of a sort in one piece, whatever the ranges."""

import ibis
import pyarrow.parquet as pq
import pytest

from components.data import engine, sorted_ranges

ROWS = 300_000


@pytest.fixture(scope="module")
def con():
    connection = engine.connect()
    yield connection
    connection.disconnect()


@pytest.fixture(scope="module")
def events(con):
    """Rows in no order: a thousand users, one of them with a third of the rows, and rows of nobody; some rows twice."""
    i = ibis.range(ROWS).unnest().name("i").as_table().i
    user = ibis.cases(
        (i % 3 == 0, "u5"), (i % 7 == 0, ibis.null("string")), else_="u" + (i * 7919 % 1000).cast("string")
    )
    made = i.as_table().select(
        user=user,
        item=(i % 50).cast("string"),
        at=ibis.timestamp("2024-01-01") + (i * 31 % 1000).as_interval("s"),
        paid=(i % 11 == 0).ifelse(ibis.null("float64"), (i * 17 % 101) / 4),
    )
    return con.create_table("events", made)


@pytest.fixture(scope="module")
def whole(con, events, tmp_path_factory):
    """The rows sorted by DuckDB in one piece."""
    path = tmp_path_factory.mktemp("whole") / "events.parquet"
    engine.write_parquet(events, path)
    return path


@pytest.mark.parametrize("number", [2, 17])
def test_the_rows_are_those_of_a_sort_in_one_piece(events, whole, tmp_path, number):
    sorted_ranges.write(events, tmp_path / "ranges.parquet", number)
    ranges, one = pq.read_table(tmp_path / "ranges.parquet"), pq.read_table(whole)
    assert ranges.equals(one.cast(ranges.schema)), "but for which columns DuckDB marks as never null"
    assert ranges.num_rows == ROWS
    assert ranges["user"][-1].as_py() is None


def test_the_bytes_depend_on_the_rows_alone(con, events, tmp_path):
    turned = con.create_table("turned", events.order_by(ibis.desc("paid")))
    for name, table, number in (("a", events, 2), ("b", events, 9), ("c", turned, 5)):
        sorted_ranges.write(table, tmp_path / name, number)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    groups = pq.ParquetFile(tmp_path / "a").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [122_880, 122_880, 54_240]


def test_columns_keep_their_types(con, events, whole, tmp_path):
    sorted_ranges.write(events, tmp_path / "ranges.parquet", 3)
    assert engine.read_parquet(con, tmp_path / "ranges.parquet").schema() == engine.read_parquet(con, whole).schema()


def test_no_row_at_all_is_a_file_with_columns(events, tmp_path):
    sorted_ranges.write(events.filter(events.item == "none"), tmp_path / "empty.parquet", 3)
    assert pq.read_table(tmp_path / "empty.parquet").schema.names == ["user", "item", "at", "paid"]


def test_what_fits_into_memory_or_is_made_of_several_rows_is_left_to_duckdb(events):
    assert sorted_ranges.ranges(events) == 1
    little = engine.connect(memory_limit_gb=0.02)
    many = little.create_table("many", ibis.range(1_000_000).unnest().name("i").as_table())
    assert sorted_ranges.ranges(many) == 2
    assert sorted_ranges.ranges(many.filter(many.i > 5).mutate(j=many.i + 1)) == 3
    for made in (many.group_by("i").agg(n=many.count()), many.mutate(n=ibis.row_number()), many.union(many)):
        assert sorted_ranges.ranges(made) == 1
    little.disconnect()
