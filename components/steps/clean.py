"""clean: accepted tables → canonical clean tables, every effect counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core import layout, schema
from components.core.bundle import replacing, write_json
from components.core.errors import DataError
from components.data import engine
from components.data.cleaning import CleanConfig, clean_tables
from components.steps.result import StepResult

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

COUNTS = "counts.json"


def clean(config: CleanConfig, root: Path, seed: int) -> StepResult:
    """Write the canonical tables that every later step reads, and what was done to them.

    Reads   validated/<table>.parquet, quarantine/items.parquet where items were set aside
    Writes  clean/<table>.parquet, clean/counts.json
    Raises  DataError if a table is missing or no interaction is left.
    """
    con = config.engine.open()
    tables = _read(con, root / layout.VALIDATED)
    cleaned = clean_tables(tables, config, con.create_table, _items_aside(con, root / layout.QUARANTINE))
    with replacing(root / layout.CLEAN) as fresh:
        rows = {name: engine.write_parquet(table, fresh / f"{name}.parquet") for name, table in cleaned.tables.items()}
        if not rows[schema.INTERACTIONS_TABLE]:
            raise DataError("clean: no interaction is left; lower clean.keep_one_household_in in params.yaml.")
        counts = cleaned.counts | {f"{name}_rows": n for name, n in rows.items()}
        write_json(fresh / COUNTS, counts)
    con.disconnect()
    return StepResult(_summary(counts), metrics=dict(counts), artifacts=(root / layout.CLEAN / COUNTS,))


def _read(con: Backend, folder: Path) -> dict[str, Table]:
    files = sorted(folder.glob("*.parquet"))
    missing = {schema.INTERACTIONS_TABLE, schema.ITEMS_TABLE} - {file.stem for file in files}
    if missing:
        raise DataError(f"{folder}: {', '.join(sorted(missing))} not found; run the validate step first.")
    return {file.stem: engine.read_parquet(con, file) for file in files}


def _items_aside(con: Backend, folder: Path) -> Table | None:
    file = folder / f"{schema.ITEMS_TABLE}.parquet"
    return engine.read_parquet(con, file) if file.is_file() else None


def _summary(counts: dict[str, int]) -> str:
    unknown = sum(n for name, n in counts.items() if "_unknown_" in name)
    return (
        f"{counts['interactions_rows']:,} interactions with {counts['items_rows']:,} items; "
        f"{counts['interactions_duplicates']:,} duplicates dropped, {counts['interactions_volumes']:,} volumes "
        f"counted as 1, {unknown:,} missing texts marked, {counts['items_stubs']:,} unlisted items added, "
        f"{counts['interactions_of_quarantined_items']:,} lines of quarantined items dropped"
    )
