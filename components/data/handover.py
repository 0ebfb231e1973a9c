"""Hand-over between the engines: what DuckDB lays out for Great Expectations, seen by the engine of params.yaml.

Great Expectations judges in DuckDB. All else that is counted over whole tables (profiles, drift, volume, which ids are
listed) runs where params.yaml says: DuckDB's tables are then DuckDB's own, and Spark reads them from parquet.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.data import engine
from components.data.engine import DUCKDB, EngineConfig

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend
    from ibis.backends.sql import SQLBackend


class Handover:
    """Tables of DuckDB connections as tables of the chosen engine.

    work    a folder that the engine's workers see; what is handed over lies there until `close`
    tables  what was handed over, by name
    """

    def __init__(self, config: EngineConfig, work: Path):
        self.config, self.work = config, Path(work)
        self.tables: dict[str, Table] = {}
        self._other: SQLBackend | None = None

    @property
    def is_needed(self) -> bool:
        """Whether the engine is another than DuckDB."""
        return self.config.component != DUCKDB

    def seen(self, name: str, table: Table) -> Table:
        """A table of DuckDB as the engine sees it; DuckDB's own go with its connection."""
        if not self.is_needed:
            return table
        if self._other is None:  # a process has one Spark at a time: not before the mapping is done
            self._other = self.config.open()
        path = self.work / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path, compression="zstd")
        self.tables[name] = engine.read_parquet(self._other, path)
        return self.tables[name]

    def brought(self, con: Backend, name: str, table: Table) -> Table:
        """A small table of the engine as a table of the DuckDB connection, under `name`."""
        import ibis

        if not self.is_needed:
            return con.create_table(name, table)
        rows = table.to_pyarrow()
        return con.create_table(name, ibis.memtable(rows, schema=table.schema()))

    def close(self) -> None:
        """Let the other engine go."""
        if self._other is not None:
            self._other.disconnect()
            self._other = None
