"""Spark as the engine: Ibis on PySpark, with a session whose answers are DuckDB's.

Heavy and optional: imported only where params.yaml says `engine: {component: spark}`; `make spark` installs it.
"""

from __future__ import annotations

import atexit
import math
import os
import shutil
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow.parquet as pq
from ibis.backends.pyspark import Backend
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from py4j.protocol import Py4JError
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from components.core.errors import ConfigError
from components.data.engine import SPARK_HELD

if TYPE_CHECKING:
    from ibis import Table

LOOPBACK = "127.0.0.1"
REMEDY = (
    "install Java 17 (Debian: openjdk-17-jre-headless) and run `make spark`, or choose `engine: {component: duckdb}`"
)
# Sensible on one machine; params.yaml may say otherwise.
STACK = "-Xss4m"  # of a thread: a task is handed the whole way its rows were made by recursion
USUAL = {
    "spark.app.name": "shoploop",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "32",  # adaptive execution joins small ones
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.compression.codec": "zstd",
}

# DuckDB has it; Spark brings ICU, whose older interface is static and so within the reach of SQL.
NFC = """CREATE OR REPLACE TEMPORARY FUNCTION nfc_normalize(t STRING) RETURNS STRING
RETURN reflect('com.ibm.icu.text.Normalizer', 'compose', t, false)"""

LOGGING = """
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = Spark: %m%n%ex{short}
"""


class _Compiler(PySparkCompiler):
    """Spark takes 1.0 for a decimal, and divides decimals with fewer digits than doubles have."""

    __slots__ = ()

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802 – Ibis names it
        """A double by its shortest digits, cast to a double; all else as Ibis writes it."""
        if dtype.is_floating() and math.isfinite(value):
            return self.cast(repr(float(value)), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)


class SparkConnection(Backend):
    """Ibis' PySpark backend with tables of its own, which go when it is closed, and files read by name.

    memory_gb, threads  bounds of DuckDB where it joins what the workers wrote
    """

    compiler = _Compiler()
    memory_gb: float
    threads: int

    def own(self, warehouse: tempfile.TemporaryDirectory, memory_gb: float, threads: int) -> SparkConnection:
        """Take over the folder of this connection's tables, and the bounds."""
        self._warehouse, self.memory_gb, self.threads = warehouse, memory_gb, threads
        return self

    @property
    def session(self) -> SparkSession:
        """Spark's own session, for what Ibis has no words for."""
        return self._session

    def disconnect(self) -> None:
        """Stop the session and remove its tables."""
        super().disconnect()
        self._warehouse.cleanup()

    def read_parquet(self, path: Path | list[Path], /, *, table_name: str | None = None, **options: Any) -> Table:
        """One or several parquet files as a lazy table; the union of their columns."""
        paths = [path] if isinstance(path, str | os.PathLike) else path
        for file in paths:
            pq.read_metadata(file)  # says in a word what is wrong, where Spark says it in forty lines of Java
        name = table_name or ibis.util.gen_name("read_parquet")
        reader = self._session.read.options(mergeSchema=len(paths) > 1, **options)
        reader.parquet(*map(_without_globs, paths)).createOrReplaceTempView(name)
        return self.table(name)

    def to_pyarrow(self, expr: ibis.Expr, /, *, params: Any = None, limit: Any = None, **options: Any) -> Any:
        """The result as Arrow, without Ibis' way through pandas, which turns integers with gaps into floats."""
        self._run_pre_execute_hooks(expr)
        table = expr.as_table()
        sql = self.compile(table, params=params, limit=limit, **options)
        found = self._session.sql(sql).toArrow()
        return expr.__pyarrow_result__(found.cast(table.schema().to_pyarrow()))

    def write_parts(self, table: Table, folder: Path) -> list[Path]:
        """Write a table as parquet files, in no order, to a folder that every worker can reach; returns the files."""
        self.to_parquet(table, f"file://{folder.absolute()}")
        return sorted(folder.glob("*.parquet"))


def connect(master: str, memory_gb: float, threads: int, conf: dict[str, Any], spill: Path | None) -> SparkConnection:
    """A connection to Spark; close it with `.disconnect()`. A process has one at a time.

    master     "local[2]" is Spark on this machine; with a cluster's URL the workers must see the project's folder
    memory_gb  heap of the driver (local) or of every executor too (cluster); a JVM that runs already keeps its own
    threads    of DuckDB, when it joins what the workers wrote
    conf       further settings of Spark, which win over the usual ones
    spill      where Spark spills and keeps tables (None: the system's temporary folder)
    Raises     ConfigError if Java is missing or Spark does not start.
    """
    _check_java()
    warehouse = tempfile.TemporaryDirectory(prefix="shoploop-spark-", dir=spill, ignore_cleanup_errors=True)
    settings = _settings(master, memory_gb, spill) | {"spark.sql.warehouse.dir": warehouse.name}
    settings |= {name: _text(value) for name, value in conf.items()} | SPARK_HELD
    try:
        session = SparkSession.builder.config(map=settings).getOrCreate()
    except (PySparkRuntimeError, Py4JError, OSError) as e:
        warehouse.cleanup()
        raise ConfigError(f"engine: Spark does not start on {master} ({_first_line(e)}); {REMEDY}.") from None
    session.sql(NFC)
    SparkConnection.register_options()
    return SparkConnection().connect(session).own(warehouse, memory_gb, threads)


def _settings(master: str, memory_gb: float, spill: Path | None) -> dict[str, str]:
    memory, process = f"{int(memory_gb * 1024)}m", _process_folder(spill)
    log = f"-Dlog4j2.configurationFile={process}/log4j2.properties"
    settings = USUAL | {
        "spark.master": master,
        "spark.driver.memory": memory,
        "spark.local.dir": str(process),
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC {STACK} {log}",
    }
    if not master.startswith("local"):
        return settings | {"spark.executor.memory": memory, "spark.executor.extraJavaOptions": STACK}
    os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else the first python3 of the path, without our packages
    return settings | {"spark.driver.bindAddress": LOOPBACK, "spark.driver.host": LOOPBACK}


@lru_cache(maxsize=1)
def _process_folder(spill: Path | None) -> Path:
    """A JVM keeps the first folder it was given, so the connections of a process share one; it goes at exit."""
    folder = Path(tempfile.mkdtemp(prefix="shoploop-spark-", dir=spill))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "log4j2.properties").write_text(LOGGING)
    return folder


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not shutil.which(str(Path(home, "bin", "java")) if home else "java"):
        where = f"JAVA_HOME is {home}, but holds no bin/java" if home else "no `java` on the path"
        raise ConfigError(f"engine: Spark needs Java, and there is none ({where}); {REMEDY}.")


def _without_globs(path: str | os.PathLike) -> str:
    """Spark reads {}[]*? in a path as a pattern; ours are names."""
    return "file://" + "".join(f"\\{c}" if c in "{}[]*?\\" else c for c in os.fspath(Path(path).absolute()))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
