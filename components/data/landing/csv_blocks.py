"""The quick way through a plain block of CSV: numpy finds the records and their widths, pyarrow cuts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import csv

from components.core.schema import SOURCE_ROW
from components.data.landing.csv_records import Dialect
from components.data.landing.lines import readable
from components.data.landing.piece import Account, Piece, Rejected

NEWLINE, RETURN = ord("\n"), ord("\r")


@dataclass(frozen=True)
class Records:
    """Where the whole records of a block lie.

    text    the block as UTF-8
    starts  int64 (n,), first byte of each record
    ends    int64 (n,), its newline
    lines   int64 (n,), lines of the block before it
    widths  int64 (n,), its fields
    taken   lines of all records together
    """

    text: bytes
    starts: np.ndarray
    ends: np.ndarray
    lines: np.ndarray
    widths: np.ndarray
    taken: int


def plain_piece(data: bytes, first_line: int, dialect: Dialect) -> tuple[Piece, int] | None:
    """Rows and ragged records of whole lines, and the bytes they took; None where the block is not plain.

    A record that is open at the end is left for the next block, unless nothing else is there or it is too long.
    """
    text = _utf_8(data, dialect.encoding)
    records = None if text is None or b"\0" in text else _find(text, dialect)
    if records is None:
        return None
    piece = _cut(records, first_line, dialect)
    if piece is None:
        return None
    return piece, int(records.ends[-1]) + 1 if text is data else _bytes_of_lines(data, records.taken)


def _utf_8(data: bytes, encoding: str) -> bytes | None:
    if data.isascii():
        return data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return data if encoding == "utf-8" else text.encode()


def _find(text: bytes, dialect: Dialect) -> Records | None:
    view = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(view == ord(dialect.quote)) if dialect.quote else np.empty(0, np.int64)
    if not _well_placed(view, quotes, ord(dialect.delimiter)) or _lone_return(view, quotes):
        return None
    newlines = np.flatnonzero(view == NEWLINE)
    ends = _outside(newlines, quotes)
    if not ends.size or len(text) - ends[-1] > dialect.max_record:
        return None
    delimiters = _outside(np.flatnonzero(view == ord(dialect.delimiter)), quotes)
    return Records(
        text,
        starts=np.concatenate(([0], ends[:-1] + 1)),
        ends=ends,
        lines=np.concatenate(([0], np.searchsorted(newlines, ends[:-1]) + 1)),
        widths=np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1,
        taken=int(np.searchsorted(newlines, ends[-1])) + 1,
    )


def _well_placed(view: np.ndarray, quotes: np.ndarray, delimiter: int) -> bool:
    """Whether each quote opens a field, closes one, or is one of a doubled pair inside a quoted field."""
    if not quotes.size:
        return True
    opening, closing = quotes[0::2], quotes[1::2]
    quote = view[quotes[0]]
    before = view[np.maximum(opening - 1, 0)]
    after = view[np.minimum(closing + 1, len(view) - 1)]
    opens = (opening == 0) | np.isin(before, (delimiter, NEWLINE, quote))
    return bool(opens.all() and np.isin(after, (delimiter, NEWLINE, RETURN, quote)).all())


def _lone_return(view: np.ndarray, quotes: np.ndarray) -> bool:
    returns = _outside(np.flatnonzero(view == RETURN), quotes)
    return bool(returns.size and (view[np.minimum(returns + 1, len(view) - 1)] != NEWLINE).any())


def _outside(positions: np.ndarray, quotes: np.ndarray) -> np.ndarray:
    """Those positions that no quoted field covers."""
    if not quotes.size:
        return positions
    return positions[np.searchsorted(quotes, positions) % 2 == 0]


def _cut(records: Records, first_line: int, dialect: Dialect) -> Piece | None:
    """The piece; None where pyarrow counts otherwise, so that the careful way decides."""
    blank = _blank(records)
    good = ~blank & (records.widths == len(dialect.columns))
    numbers = first_line + records.lines
    table = _table(_joined(records, good), dialect)
    rows = int(good.sum())
    if (table.num_rows if table else 0) != rows:
        return None
    if table is not None:
        table = table.append_column(SOURCE_ROW, pa.array(numbers[good], pa.int64()))
    ragged = np.flatnonzero(~blank & ~good)
    rejected = [_ragged(records, int(i), int(numbers[i]), dialect) for i in ragged]
    account = Account(
        lines=records.taken,
        records=rows,
        continued=records.taken - len(records.ends),
        rejected=len(rejected),
        blank=int(blank.sum()),
        rows=rows,
    )
    return Piece(table, rejected, account)


def _blank(records: Records) -> np.ndarray:
    view = np.frombuffer(records.text, np.uint8)
    lengths = records.ends - records.starts
    return (lengths == 0) | ((lengths == 1) & (view[records.starts] == RETURN))


def _joined(records: Records, good: np.ndarray) -> bytes:
    """The good records' bytes; neighbours are copied together."""
    if good.all():
        return records.text[: records.ends[-1] + 1]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.view(np.int8), [0]))))
    runs = zip(edges[0::2], edges[1::2], strict=True)
    return b"".join(records.text[records.starts[first] : records.ends[beyond - 1] + 1] for first, beyond in runs)


def _table(text: bytes, dialect: Dialect) -> pa.Table | None:
    if not text:
        return None
    columns = list(dialect.columns)
    return csv.read_csv(
        pa.BufferReader(text),
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=columns),
        csv.ParseOptions(delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=True),
        csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False, check_utf8=False
        ),
    )


def _ragged(records: Records, i: int, number: int, dialect: Dialect) -> Rejected:
    record = records.text[records.starts[i] : records.ends[i]].decode()
    reason = f"{records.widths[i]} fields where the header has {len(dialect.columns)}"
    return Rejected.of(number, readable(record, "utf-8"), "ragged", reason)


def _bytes_of_lines(data: bytes, lines: int) -> int:
    view = np.frombuffer(data, np.uint8)
    return int(np.flatnonzero(view == NEWLINE)[lines - 1]) + 1
