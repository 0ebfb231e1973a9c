"""The careful way through a block of CSV: record by record, each accepted or rejected with its reason.

A record that cannot be read costs its first line only: reading goes on at the next one, so that a quote that is never
closed does not swallow the rest of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from components.core.schema import SOURCE_ROW
from components.data.landing.lines import decoded_lines, encodes, readable
from components.data.landing.piece import Account, Piece, Rejected

csv.field_size_limit(2**27)  # the limit is max_record, which is checked before


@dataclass(frozen=True)
class Dialect:
    """How records are cut.

    columns     names, as many as fields in a record
    max_record  bytes of one record
    """

    encoding: str
    delimiter: str
    quote: str | None
    columns: tuple[str, ...]
    max_record: int

    def reader(self, lines: Iterable[str]) -> Any:
        """Python's own reader, strict about quotes."""
        quoting = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, quoting=quoting, strict=True)


def careful_piece(data: bytes, first_line: int, dialect: Dialect, last: bool) -> tuple[Piece, int]:
    """Rows and rejected records of whole lines, and the bytes they took.

    last  False where more lines follow: a record that is still open at the end is then left for them
    """
    lines = [line + "\n" for line in decoded_lines(data, dialect.encoding)]
    open_from = len(lines)
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    blank = continued = 0
    for start, used, row, problem in _records(lines, dialect, last):
        if used == 0:
            open_from = start
            break
        text = "".join(lines[start : start + used])
        rule = problem or _problem(text, row, dialect)
        if rule is not None:
            rejected.append(Rejected.of(first_line + start, readable(text, dialect.encoding), *rule))
        elif not row:
            blank += 1
        else:
            rows.append(row)
            numbers.append(first_line + start)
        continued += used - 1
    account = Account(open_from, 0, len(rows), continued, len(rejected), blank, len(rows))
    taken = len(data) if open_from == len(lines) else _bytes_of(data, open_from)
    return Piece(_table(rows, numbers, dialect.columns), rejected, account), taken


def _records(
    lines: list[str], dialect: Dialect, last: bool
) -> Iterator[tuple[int, int, list[str], tuple[str, str] | None]]:
    """(first line, lines used, fields, problem); lines used 0: open at the end, more must follow."""
    at = 0
    while at < len(lines):
        begin = at
        reader = dialect.reader(lines[i] for i in range(begin, len(lines)))
        try:
            for row in reader:
                used = begin + reader.line_num - at
                yield at, used, row, None
                at += used
        except csv.Error as e:
            open_at_end = "unexpected end" in str(e)
            if open_at_end and not last and _size(lines, at) <= dialect.max_record:
                yield at, 0, [], None
                return
            yield at, 1, [], ("quotes", _words(str(e), open_at_end))
            at += 1


def _size(lines: list[str], at: int) -> int:
    return sum(map(len, lines[at:]))


def _words(said: str, open_at_end: bool) -> str:
    if open_at_end:
        return "a quote is opened and never closed"
    if "new-line" in said:
        return "a carriage return inside a field that is not quoted"
    return "text after a closing quote, or a quote that is not closed on its line"


def _problem(text: str, row: list[str], dialect: Dialect) -> tuple[str, str] | None:
    if "\0" in text:
        return "nul", "a NUL byte inside the line"
    if not text.isascii() and not encodes(text):
        return "encoding", f"bytes that are not {dialect.encoding}"
    if row and len(row) != len(dialect.columns):
        return "ragged", f"{len(row)} fields where the header has {len(dialect.columns)}"
    return None


def _table(rows: list[list[str]], numbers: list[int], columns: tuple[str, ...]):
    import pyarrow as pa

    if not rows:
        return None
    arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*columns, SOURCE_ROW])


def _bytes_of(data: bytes, lines: int) -> int:
    end = 0
    for _ in range(lines):
        end = data.index(b"\n", end) + 1
    return end
