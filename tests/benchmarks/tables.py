"""What the benchmarks share: Complete Journey as canonical tables, and tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def canonical(folder: Path) -> None:
    """Canonical tables of Complete Journey as validate leaves them, but for the rows it sets aside (quantity 0)."""
    from components.core import schema
    from components.data.engine import EngineConfig, write_parquet
    from components.data.source import SourceChoice

    raw = folder.with_name("raw")
    raw.mkdir(parents=True)
    source, con = SourceChoice().open(), EngineConfig().open()
    source.ingest(raw)
    for name, table in source.tables(con, raw).items():
        good = table.filter(table[schema.QUANTITY] > 0) if name == schema.INTERACTIONS_TABLE else table
        write_parquet(good, folder / f"{name}.parquet")
    con.disconnect()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on the terminal, numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)
