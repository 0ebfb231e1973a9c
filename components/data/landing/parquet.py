"""Parquet files, streamed row group by row group with their types, so that every page is read once and checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core.errors import DataError
from components.core.schema import SOURCE_ROW
from components.data.landing.columns import name_columns
from components.data.landing.formats import Limits
from components.data.landing.opening import Member, check_expanded, on_disk
from components.data.landing.piece import Account, Piece, Pieces, Rejected

BATCH_ROWS = 131_072
THRIFT_LIMIT = 100 * 2**20  # bytes of footer strings and containers


def read_parquet(member: Member, limits: Limits, work: Path) -> Pieces:
    """The pieces of one parquet file.

    Raises DataError if it is truncated, damaged or no parquet, or a column has a name that cannot be used.
    """
    with on_disk(member, work) as path:
        file = _opened(path, member.label)
        columns, remarks = name_columns(file.schema_arrow.names, member.label, limits)
        yield Piece(None, remarks=remarks)
        done = expanded = 0
        told: set[str] = set()
        for batch in _batches(file, member.label):
            check_expanded(expanded + _decoded_bytes(batch), member.label, limits)
            table, said = every_engines(pa.Table.from_batches([batch]).rename_columns(list(columns)))
            table = table.append_column(SOURCE_ROW, pa.array(range(done + 1, done + 1 + batch.num_rows), pa.int64()))
            expanded += table.nbytes
            check_expanded(expanded, member.label, limits)
            table, rejected = _valid_text(table)
            kept = table.num_rows
            account = Account(batch.num_rows, records=kept, rejected=len(rejected), rows=kept)
            yield Piece(table if kept else None, rejected, account, tuple(words for words in said if words not in told))
            told.update(said)
            done += batch.num_rows
            if limits.first_rows and done >= limits.first_rows:
                return


def _opened(path: Path, label: str) -> pq.ParquetFile:
    if path.stat().st_size == 0:
        raise DataError(f"{label}: the file is empty; export it again, or take it out of the table.")
    try:
        return pq.ParquetFile(
            path, thrift_string_size_limit=THRIFT_LIMIT, thrift_container_size_limit=THRIFT_LIMIT,
            page_checksum_verification=True,
        )  # fmt: skip
    except (pa.ArrowInvalid, OSError) as e:
        raise _damaged(label, e) from None


def _batches(file: pq.ParquetFile, label: str) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(BATCH_ROWS, use_threads=False)
    except (pa.ArrowException, OSError) as e:
        raise _damaged(label, e) from None


def _decoded_bytes(batch: pa.RecordBatch) -> int:
    """Bytes that the texts of dictionary columns take once each row has its own."""
    texts = [c for c in batch.columns if pa.types.is_dictionary(c.type) and pa.types.is_string(c.type.value_type)]
    return sum(pc.sum(pc.binary_length(c.dictionary).take(c.indices)).as_py() or 0 for c in texts)


def _damaged(label: str, error: Exception) -> DataError:
    said = str(error).strip().splitlines()[0][:200]
    return DataError(f"{label}: is cut short, damaged or no parquet ({said}); copy the file again.")


def every_engines(table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """The table in types that DuckDB and Spark both read, and what had to be left out.

    Bytes that are no text (a picture, a packed vector) are no reason to lose a row: they are missing there.
    """
    dropped = []
    for i, field in reversed(list(enumerate(table.schema))):
        kind = _shared_type(field.type)
        if kind is None:
            table = table.remove_column(i)
            dropped.append(f"column '{field.name}' of type {field.type} is left out, not every engine reads it")
        elif _holds_bytes(field.type):
            texts, lost = _texts(table[i])
            table = table.set_column(i, field.name, texts)
            if lost:
                dropped.append(f"column '{field.name}' holds bytes that are no text; they are missing there")
        elif kind != field.type:
            table = table.set_column(i, field.name, pc.cast(table[i], kind, safe=False))
    return table.replace_schema_metadata(None), tuple(reversed(dropped))


def _shared_type(kind: pa.DataType) -> pa.DataType | None:
    """Text for bytes, microseconds for finer times, plain values for dictionaries; None for what Spark cannot read."""
    types = pa.types
    if types.is_dictionary(kind):
        return _shared_type(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if types.is_large_string(kind) or types.is_string(kind) or types.is_null(kind) or _holds_bytes(kind):
        return pa.string()
    if types.is_float16(kind):
        return pa.float32()
    return None if types.is_time(kind) or types.is_duration(kind) or types.is_interval(kind) else kind


def _holds_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    packed = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    return packed or isinstance(kind, pa.UuidType)


def _texts(column: pa.ChunkedArray) -> tuple[pa.Array, bool]:
    """Bytes as text, a UUID as people write it; and whether some are no text."""
    if isinstance(column.type, pa.UuidType):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string()), False
    text = pc.cast(column.cast(pa.binary()), pa.string(), safe=False)
    if _is_utf_8(text):
        return text, False
    bad = set(_bad_places(text))
    values = [None if i in bad else value for i, value in enumerate(column.to_pylist())]
    return pa.array([None if v is None else v.decode() for v in values], pa.string()), True


def _valid_text(table: pa.Table) -> tuple[pa.Table, list[Rejected]]:
    """Rows whose text is UTF-8, and the others rejected with their bytes escaped."""
    bad: dict[int, str] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_string(field.type) and not _is_utf_8(column):
            bad |= dict.fromkeys(_bad_places(column), field.name)
    if not bad:
        return table, []
    rejected = [_rejected(table.slice(i, 1), name) for i, name in sorted(bad.items())]
    keep = pa.array([i not in bad for i in range(table.num_rows)])
    return table.filter(keep), rejected


def _is_utf_8(column: pa.ChunkedArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _bad_places(column: pa.ChunkedArray) -> list[int]:
    places = []
    for i, value in enumerate(column.cast(pa.binary()).to_pylist()):
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            places.append(i)
    return places


def _rejected(row: pa.Table, column: str) -> Rejected:
    values = {f.name: _escaped(c, f.type) for f, c in zip(row.schema, row.columns, strict=True) if f.name != SOURCE_ROW}
    reason = f"bytes in column '{column}' that are not UTF-8"
    return Rejected.of(row[SOURCE_ROW][0].as_py(), str(values), "encoding", reason)


def _escaped(column: pa.ChunkedArray, kind: pa.DataType) -> Any:
    if not pa.types.is_string(kind):
        return column[0].as_py()
    value = column.cast(pa.binary())[0].as_py()
    return None if value is None else value.decode("utf-8", "backslashreplace")
