"""The engine: Ibis on DuckDB, with bounds on memory and threads, and files that are written all or nothing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from components.core.config import Config
from components.core.errors import DataError

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

IN_MEMORY = ":memory:"


class EngineConfig(Config):
    """Section `engine` of params.yaml: what runs the data steps.

    memory_limit_gb  beyond it DuckDB spills to the folder `spill` (None: the system's temporary folder)
    """

    component: Literal["duckdb"] = "duckdb"
    memory_limit_gb: float = Field(2.0, ge=0.25, le=1024)
    threads: int = Field(2, ge=1, le=256)
    spill: Path | None = None

    def open(self, database: Path | None = None) -> Backend:
        """A connection with these bounds, in memory or in one database file; close it with `.disconnect()`."""
        return connect(self.memory_limit_gb, self.threads, self.spill, database)


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


def read_parquet(con: Backend, path: Path, columns: dict[str, str] | None = None) -> Table:
    """One parquet file as a lazy table.

    columns  declared types by name (Ibis spelling); the file must have them all, other columns are dropped
    Raises   DataError if the file is missing, truncated or not parquet, or a column is missing or of another type.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file; the step that makes it has not run.")
    try:
        table = con.read_parquet(path)
    except Exception as e:  # DuckDB raises its own classes, by kind of damage
        raise DataError(f"{path}: cannot be read as parquet ({_first_line(e)}); restore the file.") from None
    return _declared(table, path, columns) if columns else table


def write_parquet(table: Table, path: Path) -> int:
    """Write a table as one parquet file, atomically, and return its number of rows.

    The rows are sorted by all columns, first to last, so that equal rows give equal bytes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.parent / f".{path.name}.{os.getpid()}"
    try:
        table.order_by(list(table.columns)).to_parquet(fresh, compression="zstd")
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return count_rows(path)


def count_rows(path: Path) -> int:
    """Rows of a parquet file, from its footer."""
    import pyarrow.parquet as pq

    return pq.read_metadata(path).num_rows


def _declared(table: Table, path: Path, columns: dict[str, str]) -> Table:
    found = {name: str(kind) for name, kind in table.schema().items()}
    for name, kind in columns.items():
        if name not in found:
            raise DataError(f"{path}: column '{name}' is missing; found {', '.join(found)}.")
        if found[name] != kind:
            raise DataError(f"{path}: column '{name}' is {found[name]}, expected {kind}; convert it at the source.")
    return table.select(*columns)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
