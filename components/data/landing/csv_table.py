"""CSV files as text columns, exactly as written: whole blocks at a time where a block is plain, line by line elsewhere.

A block is plain if it decodes, holds no NUL, no carriage return of its own, and every quote stands where a quote may.
Then a few passes of numpy find its records and their widths, and pyarrow cuts what is well-formed. Any other block goes
through Python's strict csv reader, record by record, and what is no record is rejected with its reason.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from components.core.errors import DataError
from components.core.schema import SOURCE_FILE, SOURCE_ROW
from components.data.landing.csv_blocks import plain_piece
from components.data.landing.csv_records import Dialect, careful_piece, decoded_lines
from components.data.landing.delimiter import CANDIDATES, SAMPLE_RECORDS, find_delimiter, refuse_uncut
from components.data.landing.encoding import Encoding, find_encoding
from components.data.landing.formats import FileFormat, Limits
from components.data.landing.lines import Block, Recoded, blocks
from components.data.landing.opening import Member, Readable
from components.data.landing.piece import Account, Piece, Pieces, Rejected

UNIT_SEPARATOR = "\x1f"  # stands in for a delimiter of several characters
HEAD_BYTES = 2**18
WEB_PAGE = (b"<!doctype html", b"<html", b"<?xml")
FOREIGN = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip or Excel", b"PAR1": "parquet", b"%PDF": "PDF"}


@dataclass(frozen=True)
class Layout:
    """How a CSV file is cut and what its columns are called.

    header_lines  physical lines up to and including the header
    long_delimiter  the delimiter of several characters that UNIT_SEPARATOR stands for
    """

    dialect: Dialect
    header_lines: int = 0
    blank_lines: int = 0
    long_delimiter: str | None = None
    remarks: tuple[str, ...] = ()


def read_csv(member: Member, declared: FileFormat, limits: Limits) -> Pieces:
    """The pieces of one CSV file.

    Raises DataError if it is empty, no text, or its encoding, delimiter or header cannot be told.
    """
    layout = find_layout(member, declared, limits)
    account = Account(lines=layout.header_lines, header=layout.header_lines - layout.blank_lines,
                      blank=layout.blank_lines)  # fmt: skip
    yield Piece(None, account=account, remarks=layout.remarks)
    with member.open() as stream:
        yield from _pieces(stream, layout, member.label, limits)


def find_layout(member: Member, declared: FileFormat, limits: Limits) -> Layout:
    """Encoding, delimiter and columns, from the declaration and the first lines."""
    encoding = find_encoding(member, declared.encoding)
    lines = _first_lines(member, encoding)
    if not any(line.strip() for line in lines):
        raise DataError(f"{member.label}: the file is empty; export it again, or take it out of the table.")
    long = declared.delimiter if declared.delimiter and len(declared.delimiter) > 1 else None
    if long:
        lines = [line.replace(long, UNIT_SEPARATOR) for line in lines]
    delimiter = UNIT_SEPARATOR if long else _delimiter(lines, declared, member.label)
    quote = None if long else declared.quote
    dialect = Dialect(encoding.name, delimiter, quote, (), int(limits.max_record_mb * 2**20))
    if not declared.header:
        return Layout(replace(dialect, columns=declared.columns), 0, 0, long, encoding.remarks)
    names, used, blank = _header(lines, dialect, member.label)
    columns, remarks = name_columns(names, member.label, limits)
    return Layout(replace(dialect, columns=columns), used, blank, long, encoding.remarks + remarks)


def _delimiter(lines: list[str], declared: FileFormat, label: str) -> str:
    filled = [line for line in lines if line.strip()]
    if declared.delimiter is None:
        return find_delimiter(filled, declared.quote, label)
    refuse_uncut(filled, declared.delimiter, declared.quote, label)
    return declared.delimiter


def _first_lines(member: Member, encoding: Encoding) -> list[str]:
    with member.open() as raw:
        data = _text_stream(raw, encoding, member.label).read(HEAD_BYTES)
    data = data.removeprefix(b"\xef\xbb\xbf")
    _refuse_foreign(data, member.label)
    end = data.rfind(b"\n") + 1
    whole = data[:end] if len(data) == HEAD_BYTES and end else data
    return decoded_lines(whole, "utf-8" if encoding.is_wide else encoding.name)[: 5 * SAMPLE_RECORDS]


def _refuse_foreign(data: bytes, label: str) -> None:
    if data.lstrip()[:16].lower().startswith(WEB_PAGE):
        raise DataError(f"{label}: is a web page (an error page?), not a table; fetch the file again.")
    for magic, kind in FOREIGN.items():
        if data.startswith(magic):
            raise DataError(f"{label}: is {kind} by its first bytes, not text; name it so or declare its `format`.")
    if b"\n" not in data and data.count(b"\r") > 1:
        raise DataError(f"{label}: its lines end in carriage returns only; convert them, e.g. `tr '\\r' '\\n'`.")


def _text_stream(raw: Readable, encoding: Encoding, label: str) -> Readable:
    return Recoded(raw, encoding.name, label) if encoding.is_wide else raw


def _header(lines: list[str], dialect: Dialect, label: str) -> tuple[list[str], int, int]:
    """The header's names, the lines up to its end, and how many of them are blank."""
    blank = next(i for i, line in enumerate(lines) if line.strip())
    reader = dialect.reader(islice(lines, blank, None))
    try:
        names = next(reader)
    except (csv.Error, StopIteration) as e:
        raise DataError(f"{label}: the header {lines[blank][:200]!r} cannot be read ({e}); repair it.") from None
    return names, blank + reader.line_num, blank


def name_columns(names: list[str], label: str, limits: Limits) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names from a header, and remarks: blanks around them are dropped, nameless ones are numbered.

    Raises DataError if a name stands twice (upper and lower case are one), is taken by us, or holds control characters.
    """
    if len(names) > limits.max_columns:
        raise DataError(f"{label}: {len(names):,} columns, more than limits.max_columns ({limits.max_columns:,}).")
    columns = tuple(name.strip() or f"column_{i}" for i, name in enumerate(names, 1))
    nameless = [str(i) for i, name in enumerate(names, 1) if not name.strip()]
    seen: dict[str, str] = {}
    for name in columns:
        if name.lower() in seen:
            twice = name if seen[name.lower()] == name else f"{seen[name.lower()]}' and '{name}"
            raise DataError(f"{label}: column '{twice}' stands twice in the header; rename one of them.")
        seen[name.lower()] = name
        _check_name(name, label)
    remarks = (f"column {', '.join(nameless)} has no name and is called column_<number>",) if nameless else ()
    return columns, remarks


def _check_name(name: str, label: str) -> None:
    if name.lower() in (SOURCE_FILE, SOURCE_ROW):
        raise DataError(f"{label}: column '{name}' has a name that landing uses itself; rename it.")
    if not name.isprintable():
        raise DataError(f"{label}: column {name!r} holds control characters; repair the header.")
    if len(name) > 1000:
        raise DataError(f"{label}: a column name of {len(name):,} characters, '{name[:80]}…'; is there a header?")


def _pieces(raw: Readable, layout: Layout, label: str, limits: Limits) -> Pieces:
    encoding = Encoding(layout.dialect.encoding)
    dialect = replace(layout.dialect, encoding="utf-8") if encoding.is_wide else layout.dialect
    line, rest, rows = 1, b"", 0
    for block in _without_head(_blocks(_text_stream(raw, encoding, label), layout, limits), layout.header_lines):
        if block.long_bytes:
            if rest:
                piece, _ = careful_piece(rest, line + layout.header_lines, dialect, last=True)
                line, rest = line + piece.account.lines, b""
                yield piece
            yield _too_long(block, line + layout.header_lines, dialect)
            line += 1
            continue
        data = rest + block.data if rest else block.data
        piece, used = _piece(data, line + layout.header_lines, dialect, last=False)
        line, rest, rows = line + piece.account.lines, data[used:], rows + piece.account.rows
        yield piece
        if limits.first_rows and rows >= limits.first_rows:
            return
    if rest:
        piece, _ = careful_piece(rest, line + layout.header_lines, dialect, last=True)
        yield piece


def _piece(data: bytes, line: int, dialect: Dialect, last: bool) -> tuple[Piece, int]:
    """The next piece and the bytes it took; a record that is not closed yet waits for the next block."""
    return plain_piece(data, line, dialect) or careful_piece(data, line, dialect, last)


def _blocks(stream: Readable, layout: Layout, limits: Limits) -> Iterator[Block]:
    size = {"size": 2**16} if limits.first_rows else {}
    first = True
    for block in blocks(stream, layout.dialect.max_record, **size):
        data = block.data.removeprefix(b"\xef\xbb\xbf") if first else block.data
        first = False
        if layout.long_delimiter:
            data = _shorten(data, layout.long_delimiter)
        yield replace(block, data=data)


def _shorten(data: bytes, delimiter: str) -> bytes:
    # A separator that is there already would cut a field: NUL in its place lets the line be rejected.
    return data.replace(UNIT_SEPARATOR.encode(), b"\0").replace(delimiter.encode(), UNIT_SEPARATOR.encode())


def _without_head(found: Iterator[Block], lines: int) -> Iterator[Block]:
    for block in found:
        start = 0
        while lines and start < len(block.data):
            start = block.data.index(b"\n", start) + 1
            lines -= 1
        if start < len(block.data):
            yield replace(block, data=block.data[start:])


def _too_long(block: Block, line: int, dialect: Dialect) -> Piece:
    reason = f"a line of {block.long_bytes:,} bytes, more than limits.max_record_mb"
    text = block.data.decode(dialect.encoding, "backslashreplace")
    return Piece(None, [Rejected.of(line, text, "line_length", reason)], Account(lines=1, rejected=1))


def describe_delimiter(delimiter: str) -> str:
    """The delimiter in a word, for messages."""
    return CANDIDATES.get(delimiter, repr(delimiter))
