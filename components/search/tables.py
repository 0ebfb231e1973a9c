"""A table of any format, landed: every row accounted for, every column text, as the landing room reads it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core.errors import DataError
from components.core.schema import SOURCE_FILE, SOURCE_ROW


@dataclass(frozen=True)
class Read:
    """A table in memory; rejected: lines that were no rows; remarks: what the reader guessed."""

    table: pa.Table
    rejected: int
    remarks: tuple[str, ...]


def read(path: Path, name: str) -> Read:
    """Read CSV, JSON lines, Excel or parquet, compressed or not; the format is told by the suffix.

    Raises DataError if the file is not there, is not what its suffix says, or holds no rows
    """
    from components.data.landing import FileFormat, Limits, land

    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file; name the file of the {name}.")
    with tempfile.TemporaryDirectory(prefix="shoploop-") as work:
        landed = land(name, [path], FileFormat(), Path(work), Limits(), path.parent)
        table = pq.read_table(landed.path)
    return Read(table.drop_columns([SOURCE_FILE, SOURCE_ROW]), landed.rejected, landed.remarks)


def texts(table: pa.Table, columns: tuple[str, ...]) -> list[list[str | None]]:
    """The columns as lists of texts, whatever their type; numbers that are whole lose their point."""
    return [_as_text(table[name]).to_pylist() for name in columns]


def numbers(table: pa.Table, columns: tuple[str, ...]) -> list[float | None]:
    """The first of the columns as numbers: "€ 1.299,00", "1,299.00" and 1299 alike; None where there is none."""
    if not columns:
        return [None] * table.num_rows
    column = table[columns[0]]
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return pc.cast(column, pa.float64()).to_pylist()
    return [_number(text) for text in _as_text(column).to_pylist()]


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        whole = pc.equal(column, pc.floor(column))
        if pc.all(pc.fill_null(whole, True)).as_py():
            column = pc.cast(column, pa.int64(), safe=False)
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.chunked_array([pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())])


def _number(text: str | None) -> float | None:
    if not text:
        return None
    kept = "".join(c for c in text if c.isdigit() or c in ".,-")
    if not any(c.isdigit() for c in kept):
        return None
    if "," in kept and "." in kept:
        decimal = "," if kept.rfind(",") > kept.rfind(".") else "."
        kept = kept.replace("." if decimal == "," else ",", "").replace(decimal, ".")
    elif "," in kept:
        head, _, tail = kept.rpartition(",")
        kept = kept.replace(",", "") if len(tail) == 3 and head else f"{head}.{tail}".replace(",", "")
    try:
        return float(kept)
    except ValueError:
        return None
