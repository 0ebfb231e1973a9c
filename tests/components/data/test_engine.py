"""The engine: declared columns, damaged files, bytes that depend on the rows alone, nothing half written."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.errors import DataError
from components.data.engine import connect, read_parquet, settings, write_parquet


@pytest.fixture
def con():
    con = connect(0.5, 2)
    yield con
    con.disconnect()


@pytest.fixture
def file(tmp_path):
    pq.write_table(pa.table({"a": [3, 1, 2], "b": ["x", None, "z"]}), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def test_only_declared_columns_are_read(con, file):
    assert read_parquet(con, file, {"b": "string"}).columns == ("b",)


@pytest.mark.parametrize(
    ("columns", "words"),
    [({"c": "string"}, "column 'c' is missing; found a, b"), ({"a": "string"}, "column 'a' is int64, expected string")],
)
def test_columns_that_differ_from_the_declaration_are_named(con, file, columns, words):
    with pytest.raises(DataError, match=words):
        read_parquet(con, file, columns)


def test_a_missing_and_a_damaged_file_are_told_apart(con, file, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_parquet(con, tmp_path / "none.parquet")
    file.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_parquet(con, file)


def test_a_number_that_is_none_is_found_among_others(con, tmp_path):
    pq.write_table(pa.table({"a": [1.0, float("nan"), 2.0]}), tmp_path / "t.parquet")
    table = read_parquet(con, tmp_path / "t.parquet")
    assert table.a.isnan().sum().to_pyarrow().as_py() == 1
    assert table.filter(table.a > 1).count().to_pyarrow().as_py() == 2  # NaN is above every number


def test_the_order_of_rows_does_not_change_the_bytes(con, file, tmp_path):
    table = read_parquet(con, file)
    assert write_parquet(table, tmp_path / "up.parquet") == 3
    write_parquet(table.order_by(table.a.desc()), tmp_path / "down.parquet")
    assert (tmp_path / "up.parquet").read_bytes() == (tmp_path / "down.parquet").read_bytes()
    assert pq.read_table(tmp_path / "up.parquet")["a"].to_pylist() == [1, 2, 3]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(con, file, tmp_path):
    before = file.read_bytes()
    table = read_parquet(con, file)
    broken = table.mutate(c=(table.b + "!").cast("int64"))
    with pytest.raises(Exception, match="Could not convert"):
        write_parquet(broken, file)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


def test_limits_reach_the_engine(con):
    assert con.raw_sql("SELECT current_setting('threads')").fetchall() == [(2,)]
    assert con.raw_sql("SELECT current_setting('memory_limit')").fetchall() == [("512.0 MiB",)]
    assert settings(2, 1)["autoinstall_known_extensions"] == "false"
