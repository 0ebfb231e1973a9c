"""The canonical tables of a source, made by the engine that params.yaml names, for DuckDB to judge.

Great Expectations judges in DuckDB. Where Spark does the mapping, its rows come to DuckDB through parquet files.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.progress import track
from components.data import engine
from components.data.engine import DUCKDB, EngineConfig

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

    from components.data.source import Source


def canonical_tables(
    con: Backend,
    source: Source,
    landed: Path,
    config: EngineConfig,
    work: Path,
    columns_only: Collection[str] = (),
) -> dict[str, Table]:
    """Canonical tables by name, as expressions of the DuckDB connection `con`.

    landed  the source's landed files
    work    a folder for what another engine makes; it must be there as long as the tables are used
    columns_only  tables whose rows are read elsewhere, so that another engine need not make them
    Rows that Spark made are sorted: their place is not that of the raw row they came from.
    """
    if config.component == DUCKDB:
        return source.tables(con, landed)
    other, files = config.open(), {}
    for name, table in track(list(source.tables(other, landed).items()), "map"):
        files[name] = work / "mapped" / f"{name}.parquet"
        engine.write_parquet(table.limit(0) if name in columns_only else table, files[name])
    other.disconnect()
    return {name: engine.read_parquet(con, file) for name, file in files.items()}
