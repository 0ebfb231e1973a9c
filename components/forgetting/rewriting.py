"""Files without some of their rows: streamed, and the new file takes the old one's place in one rename."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

GZIP_SUFFIXES = (".gz", ".gzip")
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF8: None,
}
# Encodings by their name: what they are without a mark, as Python takes it.
WIDE = {name: name for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")}
WIDE |= {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
BATCH_ROWS = 100_000
Kept = Callable[["pa.RecordBatch", int], "pa.Array"]  # (batch, rows before it) → bool mask of what stays


@contextmanager
def rewritten(path: Path) -> Iterator[Path]:
    """A fresh file that takes the place, and the mode, of `path` when the block ends well."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        yield fresh
        shutil.copymode(path, fresh)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def drop_lines(path: Path, spans: Iterable[tuple[int, int]], declared: str | None = None) -> None:
    """Drop lines of a text file, gzipped or not; all other bytes stay, the byte order mark among them.

    spans     (first, last + 1), counted from 1, sorted, apart from each other
    declared  the encoding that params.yaml declares; it matters where a letter has several bytes and there is no mark
    """
    waiting = iter([*spans, (0, 0)])
    first, end = next(waiting)
    mark, wide = _written_in(path, declared)
    with rewritten(path) as fresh, _reading(path) as source, _writing(fresh, path.name) as target:
        target.write(source.read(len(mark)))
        for number, line in enumerate(_lines(source, wide), 1):
            while end and number >= end:
                first, end = next(waiting)
            if not end or number < first:
                target.write(line)


def drop_rows(path: Path, kept: Kept) -> None:
    """Drop the rows of a parquet file that `kept` does not keep; schema, order and compression stay."""
    import pyarrow.parquet as pq

    with rewritten(path) as fresh:
        file = pq.ParquetFile(path)
        groups = file.metadata.num_row_groups
        codec = file.metadata.row_group(0).column(0).compression if groups and file.metadata.num_columns else "ZSTD"
        codec = "NONE" if codec == "UNCOMPRESSED" else codec
        done = 0
        with pq.ParquetWriter(fresh, file.schema_arrow, compression=codec) as target:
            for batch in file.iter_batches(BATCH_ROWS):
                target.write_batch(batch.filter(kept(batch, done)))
                done += batch.num_rows


def unnamed(column: str, names: Collection[str]) -> Kept:
    """Keeps the rows whose `column` is none of these names, and those where it is null."""
    import pyarrow.compute as pc

    return lambda batch, _: pc.invert(named(batch.column(column), names))


def named(values: pa.Array, names: Collection[str]) -> pa.Array:
    """Bool mask of the values that are one of these names, as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.cast(values, pa.string())
    return pc.is_in(text, value_set=pa.array(sorted(names), pa.string())).fill_null(False)


def _written_in(path: Path, declared: str | None) -> tuple[bytes, str | None]:
    """The mark a text file begins with, and its encoding where newlines are no plain bytes (UTF-16, UTF-32)."""
    with _reading(path) as source:
        head = source.read(4)
    mark = next((mark for mark in MARKS if head.startswith(mark)), b"")
    wide = MARKS[mark] if mark else WIDE.get(codecs.lookup(declared).name if declared else "")
    return mark, wide


def _lines(source: IO[bytes], wide: str | None) -> Iterator[bytes]:
    if wide is None:
        yield from source
        return
    text = io.TextIOWrapper(source, wide, errors="surrogatepass", newline="\n")
    for line in text:
        yield line.encode(wide, errors="surrogatepass")
    text.detach()


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    opening = gzip.open if path.name.lower().endswith(GZIP_SUFFIXES) else open
    with opening(path, "rb") as file:
        yield file


@contextmanager
def _writing(path: Path, name: str) -> Iterator[IO[bytes]]:
    with open(path, "wb") as raw:
        if not name.lower().endswith(GZIP_SUFFIXES):
            yield raw
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:  # no clock: equal rows, equal bytes
            yield packed
