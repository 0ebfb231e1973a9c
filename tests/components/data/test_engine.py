"""The engine: declared columns, damaged files, bytes that depend on the rows alone, nothing half written."""

from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.config import parse
from components.core.errors import ConfigError, DataError
from components.data.engine import (
    EngineConfig,
    connect,
    copy_first_rows,
    holding,
    read_parquet,
    settings,
    unix_seconds,
    write_parquet,
)


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


def test_rows_left_out_of_a_written_file_stay_in_order_without_a_sort(con, file, tmp_path):
    write_parquet(read_parquet(con, file), tmp_path / "written.parquet")
    some = read_parquet(con, tmp_path / "written.parquet").filter(lambda t: t.a != 2)
    write_parquet(some, tmp_path / "some.parquet", of_written=True)
    assert pq.read_table(tmp_path / "some.parquet")["a"].to_pylist() == [1, 3]
    assert con.raw_sql("SELECT current_setting('threads')").fetchall() == [(2,)]


def test_what_is_more_than_a_filter_is_sorted_all_the_same(con, file, tmp_path):
    table = read_parquet(con, file)
    write_parquet(table.mutate(a=-table.a), tmp_path / "turned.parquet", of_written=True)
    write_parquet(table.union(table), tmp_path / "twice.parquet", of_written=True)
    assert pq.read_table(tmp_path / "turned.parquet")["a"].to_pylist() == [-3, -2, -1]
    assert pq.read_table(tmp_path / "twice.parquet")["a"].to_pylist() == [1, 1, 2, 2, 3, 3]


def test_a_table_is_held_until_the_block_ends(con, file):
    tables = "SELECT table_name FROM duckdb_tables()"
    with holding(read_parquet(con, file)) as kept:
        assert kept.count().execute() == 3
        assert len(con.raw_sql(tables).fetchall()) == 1
    assert con.raw_sql(tables).fetchall() == []


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


def test_a_folder_is_read_as_one_table_and_its_files_may_differ_in_columns(con, tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [2], "c": [0.5]}), tmp_path / "2.parquet")
    rows = read_parquet(con, tmp_path).order_by("a").to_pyarrow().to_pylist()
    assert rows == [{"a": 1, "b": "x", "c": None}, {"a": 2, "b": None, "c": 0.5}]


def test_an_empty_folder_is_no_table(con, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_parquet(con, tmp_path)


def test_seconds_are_whole_and_never_rounded_up(con, tmp_path):
    at = [datetime(2024, 1, 1, 0, 0, 0, 999_999), datetime(1969, 12, 31, 23, 59, 59, 500_000)]  # noqa: DTZ001
    pq.write_table(pa.table({"at": pa.array(at, pa.timestamp("us"))}), tmp_path / "t.parquet")
    table = read_parquet(con, tmp_path / "t.parquet")
    found = table.select(s=unix_seconds(table["at"])).to_pyarrow()["s"].to_pylist()
    assert sorted(found) == [-1, 1_704_067_200]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"component": "sparkle"}, "component"),
        ({"component": "spark", "memory_limit_gb": 0.25}, "Spark needs at least 0.5"),
        ({"conf": {"memory": "2g"}}, "settings of Spark begin with 'spark.', found 'memory'"),
        ({"conf": {"spark.sql.session.timeZone": "Europe/Paris"}}, "spark.sql.session.timeZone stays UTC"),
        ({"master": "somewhere"}, "master"),
        ({"master": "local[2] --conf x"}, "master"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        parse(EngineConfig, options, "params.yaml: engine")


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "spark://host:7077", "k8s://https://host", "yarn"])
def test_a_cluster_is_named_by_its_url(master):
    assert parse(EngineConfig, {"component": "spark", "master": master}, "engine").master == master


def test_spark_without_java_says_what_to_do(monkeypatch, tmp_path):
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"Spark needs Java.*make spark"):
        EngineConfig(component="spark").open()


def test_the_first_rows_of_a_file_are_copied_and_those_of_an_empty_file_are_none(tmp_path):
    times = pa.array([1, 2, 3], pa.timestamp("ns"))
    rows = pa.table({"user_id": ["c", "a", "b"], "timestamp": times})
    pq.write_table(rows, tmp_path / "all.parquet", use_deprecated_int96_timestamps=True)
    pq.write_table(rows.slice(0, 0), tmp_path / "none.parquet")
    assert copy_first_rows(tmp_path / "all.parquet", tmp_path / "first.parquet", 2) == 2
    first = pq.read_table(tmp_path / "first.parquet")
    assert first["user_id"].to_pylist() == ["c", "a"]
    assert str(first.schema.field("timestamp").type) == "timestamp[us]"
    assert copy_first_rows(tmp_path / "none.parquet", tmp_path / "nothing.parquet", 2) == 0
