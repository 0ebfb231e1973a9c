"""The quick way through a plain block of CSV: numpy finds the records and their widths, pyarrow cuts them."""

from __future__ import annotations

import numpy as np

from components.core.schema import SOURCE_ROW
from components.data.landing.csv_records import Dialect, readable
from components.data.landing.piece import Account, Piece, Rejected

NEWLINE, RETURN = ord("\n"), ord("\r")


def plain_piece(data: bytes, first_line: int, dialect: Dialect) -> tuple[Piece, int] | None:
    """Rows and ragged records of whole lines, and the bytes they took; None where the block is not plain.

    A record that is open at the end is left for the next block, unless nothing else is there or it is too long.
    """
    text = _utf_8(data, dialect.encoding)
    if text is None or b"\0" in text:
        return None
    view = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(view == ord(dialect.quote)) if dialect.quote else np.empty(0, np.int64)
    if not _well_placed(view, quotes, ord(dialect.delimiter)) or _lone_return(view, quotes):
        return None
    newlines = np.flatnonzero(view == NEWLINE)
    ends = _outside(newlines, quotes)
    if not ends.size or len(text) - ends[-1] > dialect.max_record:
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    delimiters = _outside(np.flatnonzero(view == ord(dialect.delimiter)), quotes)
    widths = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
    return _cut(text, view, starts, ends, newlines, widths, first_line, dialect, data)


def _utf_8(data: bytes, encoding: str) -> bytes | None:
    if data.isascii():
        return data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return data if encoding.startswith("utf-8") else text.encode()


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


def _cut(text, view, starts, ends, newlines, widths, first_line, dialect, data) -> tuple[Piece, int] | None:
    lengths = ends - starts - (view[ends - 1] == RETURN) * (ends > starts)
    blank = lengths == 0
    good = ~blank & (widths == len(dialect.columns))
    bad = ~blank & ~good
    numbers = first_line + np.concatenate(([0], np.searchsorted(newlines, ends[:-1]) + 1))
    table = _table(_joined(text, starts, ends, good), numbers[good], dialect)
    if table is None:
        return None
    rejected = [
        _ragged(text[starts[i] : ends[i]], int(numbers[i]), int(widths[i]), dialect) for i in np.flatnonzero(bad)
    ]
    used = int(ends[-1]) + 1
    lines = int(np.searchsorted(newlines, ends[-1])) + 1
    account = Account(lines, 0, int(good.sum()), lines - len(ends), len(rejected), int(blank.sum()), int(good.sum()))
    taken = used if text is data else _bytes_of_lines(data, lines)
    return Piece(table if table.num_rows else None, rejected, account), taken


def _joined(text: bytes, starts: np.ndarray, ends: np.ndarray, good: np.ndarray) -> bytes:
    """The good records' bytes; neighbours are copied together."""
    if good.all():
        return text[: ends[-1] + 1]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.view(np.int8), [0]))))
    runs = zip(edges[0::2], edges[1::2], strict=True)
    return b"".join(text[starts[first] : ends[beyond - 1] + 1] for first, beyond in runs)


def _table(text: bytes, numbers: np.ndarray, dialect: Dialect):
    import pyarrow as pa
    from pyarrow import csv

    columns = list(dialect.columns)
    if not text:
        return pa.table({SOURCE_ROW: pa.array([], pa.int64())})
    table = csv.read_csv(
        pa.BufferReader(text),
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=columns),
        csv.ParseOptions(delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=True),
        csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False, check_utf8=False
        ),
    )
    if table.num_rows != len(numbers):
        return None  # the two ways of counting differ: the careful way decides
    return table.append_column(SOURCE_ROW, pa.array(numbers, pa.int64()))


def _ragged(record: bytes, number: int, width: int, dialect: Dialect) -> Rejected:
    reason = f"{width} fields where the header has {len(dialect.columns)}"
    return Rejected.of(number, readable(record.decode(), "utf-8"), "ragged", reason)


def _bytes_of_lines(data: bytes, lines: int) -> int:
    view = np.frombuffer(data, np.uint8)
    return int(np.flatnonzero(view == NEWLINE)[lines - 1]) + 1
