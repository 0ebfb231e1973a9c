"""The engine: Ibis on DuckDB or on Spark, with bounds on memory, and files that are written all or nothing.

Callers write Ibis expressions and use `read_parquet`, `write_parquet` and a connection's `create_table` and
`disconnect`; which engine answers is known here and in spark.py alone.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from components.core.config import Config
from components.core.errors import ConfigError, DataError
from components.data import sorted_ranges

if TYPE_CHECKING:
    from ibis import DataType, Table
    from ibis.backends.duckdb import Backend
    from ibis.backends.sql import SQLBackend
    from ibis.expr.types import IntegerValue, TimestampValue

IN_MEMORY = ":memory:"
DUCKDB, SPARK = "duckdb", "spark"
MASTER = r"^(local(-cluster)?(\[[^\]\s]+\])?|spark://\S+|k8s://\S+|yarn)$"
LEAST_SPARK_GB = 0.5  # Spark keeps 0.3 GB of its heap for itself
# That Spark gives the rows that DuckDB gives depends on these; params.yaml may not change them.
SPARK_HELD = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a cast that fails stops the step
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",  # the Gregorian calendar also before 1582
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
}
TIME = "timestamp(6)"  # how every engine's times are written: UTC without a zone, in microseconds


class EngineConfig(Config):
    """Section `engine` of params.yaml: what runs the data steps.

    memory_limit_gb  beyond it the engine spills to the folder `spill` (None: the system's temporary folder)
    """

    component: Literal["duckdb", "spark"] = DUCKDB
    memory_limit_gb: float = Field(2.0, ge=0.25, le=1024)
    threads: int = Field(2, ge=1, le=256, description="of DuckDB; Spark's are in `master`")
    spill: Path | None = None
    master: str = Field("local[2]", pattern=MASTER, description="of Spark: local[threads], or a cluster's URL")
    conf: dict[str, str | int | float | bool] = Field(default_factory=dict, description="of Spark: further settings")

    @model_validator(mode="after")
    def _spark_can_use_it(self) -> EngineConfig:
        if self.component == SPARK and self.memory_limit_gb < LEAST_SPARK_GB:
            raise ValueError(f"memory_limit_gb: Spark needs at least {LEAST_SPARK_GB}, found {self.memory_limit_gb}")
        for name in sorted(self.conf):
            if not name.startswith("spark."):
                raise ValueError(f"conf: settings of Spark begin with 'spark.', found '{name}'")
            if name in SPARK_HELD:
                raise ValueError(f"conf: {name} stays {SPARK_HELD[name]}, for the rows depend on it; take it out")
        return self

    def open(self, database: Path | None = None) -> SQLBackend:
        """A connection with these bounds; close it with `.disconnect()`.

        database  a DuckDB file to work in (None: in memory); Spark keeps its tables in `spill`
        Raises    ConfigError if Spark is asked for and cannot be had
        """
        if self.component == DUCKDB:
            return connect(self.memory_limit_gb, self.threads, self.spill, database)
        if importlib.util.find_spec("pyspark") is None:
            raise ConfigError(
                "engine: component spark needs the package pyspark, which is not installed; run `make spark`, "
                "or choose `engine: {component: duckdb}` in params.yaml."
            )
        from components.data import spark

        return spark.connect(self.master, self.memory_limit_gb, self.threads, self.conf, self.spill)


def on_spark(engine: Config | None) -> bool:
    """Whether a fit that was given this engine runs on Spark; without one it runs here."""
    return isinstance(engine, EngineConfig) and engine.component == SPARK


def settings(memory_limit_gb: float, threads: int, spill: Path | None = None) -> dict[str, str]:
    """DuckDB's settings: bounds, time zone UTC, and no extension fetched from the internet.

    memory_limit_gb  beyond it DuckDB spills to `spill` (default: the system's temporary folder)
    """
    return {
        "memory_limit": f"{int(memory_limit_gb * 1024)}MiB",
        "threads": str(threads),
        "temp_directory": str(spill or Path(tempfile.gettempdir()) / f"shoploop-spill-{os.getpid()}"),
        "TimeZone": "UTC",
        "autoinstall_known_extensions": "false",
    }


def connect(
    memory_limit_gb: float = 2.0, threads: int = 2, spill: Path | None = None, database: Path | None = None
) -> Backend:
    """An Ibis connection to DuckDB, in memory or in one database file; close it with `.disconnect()`."""
    import ibis

    return ibis.duckdb.connect(str(database or IN_MEMORY), **settings(memory_limit_gb, threads, spill))


def read_parquet(con: SQLBackend, path: Path, columns: dict[str, str] | None = None) -> Table:
    """One parquet file, or a folder of them, as a lazy table; the files of a folder may differ in their columns.

    columns  declared types by name (Ibis spelling); the file must have them all, other columns are dropped
    Raises   DataError if the file is missing, truncated or not parquet, or a column is missing or of another type.
    """
    path = Path(path)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise DataError(f"{path}: no such file; the step that makes it has not run.")
    try:
        table = con.read_parquet(files, **_options(con, files))
    except Exception as e:  # every engine raises its own classes, by kind of damage
        raise DataError(f"{path}: cannot be read as parquet ({_first_line(e)}); restore the file.") from None
    return _declared(table, path, columns) if columns else table


def write_parquet(table: Table, path: Path, *, of_written: bool = False) -> int:
    """Write a table as one parquet file, atomically, and return its number of rows.

    The rows are sorted by all columns, first to last, so that equal rows give equal files, whichever engine made them:
    what Spark's workers write in parts is sorted and joined by DuckDB, within the same bound on memory.

    of_written  all that the table is made of was written here: where it only leaves out rows of one file, they are in
                order already and need not be sorted. The cuts between the row groups are other ones then
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.parent / f".{path.name}.{os.getpid()}"
    try:
        if table.get_backend().name == DUCKDB:
            _write_sorted(table, fresh, in_order=of_written and _only_filters(table))
        else:
            _write_parts_sorted(table, fresh)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return count_rows(path)


def held(table: Table) -> Table:
    """The table computed once and kept by its engine until the connection closes; for small ones used repeatedly."""
    import ibis

    return table.get_backend().create_table(ibis.util.gen_name("held"), table)


def distinct(table: Table) -> Table:
    """Every row once; the table itself where DuckDB sees that no two rows are alike.

    DuckDB holds all rows that it compares in one hash table and spills it; so only the rows that share a hash with
    another are compared. That is as quick in little memory as in much.
    """
    import ibis

    if table.get_backend().name != DUCKDB:
        return table.distinct()
    hashed = ibis.struct({name: table[name] for name in table.columns}).hash()
    counted = table.select(hashed.name("hashed")).group_by("hashed").agg(rows=ibis._.count())
    shared = held(counted.filter(counted.rows > 1).select("hashed"))
    if not shared.count().execute():
        return table
    alike = hashed.isin(shared.hashed)
    return table.filter(~alike).union(table.filter(alike).distinct())


@contextmanager
def holding(table: Table) -> Iterator[Table]:
    """The table computed once, and kept by its engine until the block ends; for large ones."""
    import ibis

    name = ibis.util.gen_name("held")
    kept = table.get_backend().create_table(name, table)
    try:
        yield kept
    finally:
        table.get_backend().raw_sql(f"DROP TABLE {name}")  # Ibis 12 writes a DROP that DuckDB 2 cannot read


def unix_seconds(time: TimestampValue) -> IntegerValue:
    """Whole seconds since 1970 of a UTC time: DuckDB would give fractions where Ibis says integer, Spark none."""
    return time.epoch_seconds().floor().cast("int64")


def count_rows(path: Path) -> int:
    """Rows of a parquet file, from its footer."""
    import pyarrow.parquet as pq

    return pq.read_metadata(path).num_rows


def copy_first_rows(file: Path, path: Path, rows: int) -> int:
    """Copy the first rows of a parquet file to a new one, and read no more of it; returns how many there are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, coerce_int96_timestamp_unit="us") as opened:  # as DuckDB reads them
        batches = next(opened.iter_batches(batch_size=rows), None)
        first = pa.Table.from_batches([] if batches is None else [batches], opened.schema_arrow)
    pq.write_table(first, path, compression="zstd")
    return first.num_rows


def _write_sorted(table: Table, path: Path, *, in_order: bool = False) -> None:
    if not in_order and (number := sorted_ranges.ranges(table)) > 1:
        sorted_ranges.write(table, path, number)
        return
    if not in_order:
        table.order_by(list(table.columns)).to_parquet(path, compression="zstd")
        return
    con = table.get_backend()
    threads = con.con.sql("SELECT current_setting('threads')").fetchall()[0][0]
    con.raw_sql("SET threads = 1")  # with more, the sizes of row groups follow the number of threads
    try:
        table.to_parquet(path, compression="zstd")
    finally:
        con.raw_sql(f"SET threads = {threads}")


def _only_filters(table: Table) -> bool:
    """Whether a table is some rows of one file, whole."""
    from ibis.expr.operations import Filter, PhysicalTable

    op = table.op()
    while isinstance(op, Filter):
        op = op.parent
    return isinstance(op, PhysicalTable)


def _write_parts_sorted(table: Table, path: Path) -> None:
    con = table.get_backend()
    parts = path.with_name(f"{path.name}.parts")
    try:
        files = con.write_parts(table, parts)
        joined = connect(con.memory_gb, con.threads, parts)
        _write_sorted(joined.read_parquet(files).cast(_written_types(table)), path)
        joined.disconnect()
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _written_types(table: Table) -> dict[str, str | DataType]:
    return {name: TIME if kind.is_timestamp() else kind for name, kind in table.schema().items()}


def _options(con: SQLBackend, files: list[Path]) -> dict[str, bool]:
    """How DuckDB reads: columns by name, and no trust in statistics that leave out NaN, as all but its own writer's do.

    With that trust it finds no NaN at all in a column whose largest value is finite (duckdb/duckdb#25521).
    """
    return {"can_have_nan": True, "union_by_name": len(files) > 1} if con.name == DUCKDB else {}


def _declared(table: Table, path: Path, columns: dict[str, str]) -> Table:
    found = {name: _spelled(kind, table) for name, kind in table.schema().items()}
    for name, kind in columns.items():
        if name not in found:
            raise DataError(f"{path}: column '{name}' is missing; found {', '.join(found)}.")
        if found[name] != kind:
            raise DataError(f"{path}: column '{name}' is {found[name]}, expected {kind}; convert it at the source.")
    return table.select(*columns)


def _spelled(kind: DataType, table: Table) -> str:
    """Ibis' spelling of a column's type; Spark has one kind of time, in microseconds, and does not say so."""
    return TIME if str(kind) == "timestamp" and table.get_backend().name != DUCKDB else str(kind)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
