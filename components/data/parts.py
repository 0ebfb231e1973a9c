"""Canonical tables in a folder: each is one parquet file or a folder of parquet parts, and reads the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core.errors import DataError
from components.data import engine

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends import BaseBackend


def table_names(folder: Path) -> list[str]:
    """Names of the tables in a folder, sorted: `<name>.parquet`, or `<name>/` with parquet parts in it."""
    if not Path(folder).is_dir():
        return []
    found = [_name(path) for path in sorted(Path(folder).iterdir()) if not path.name.startswith((".", "_"))]
    names = [name for name in found if name is not None]
    for name in sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{folder}: '{name}' is there both as a file and as a folder of parts; remove one of them.")
    return names


def read_table(con: BaseBackend, folder: Path, name: str) -> Table:
    """One table as a lazy table; a column that some parts lack is null there.

    Raises DataError if there is no such table, it has no part, or a part cannot be read.
    """
    whole = Path(folder) / f"{name}.parquet"
    return engine.read_parquet(con, whole if whole.is_file() else Path(folder) / name)


def _name(path: Path) -> str | None:
    if path.is_dir():
        return path.name if _parts(path) else None
    return path.stem if path.suffix == ".parquet" else None


def _parts(folder: Path) -> list[Path]:
    """Its parquet files, in the order of their names; what starts with a dot or an underscore is no part."""
    return [p for p in sorted(folder.glob("*.parquet")) if not p.name.startswith((".", "_"))]
