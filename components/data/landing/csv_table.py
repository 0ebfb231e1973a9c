"""CSV files as text columns, exactly as written: whole blocks at a time where a block is plain, line by line elsewhere.

A block is plain if it decodes, holds no NUL, no carriage return of its own, and every quote stands where a quote may.
Then a few passes of numpy find its records and their widths, and pyarrow cuts what is well-formed. Any other block goes
through Python's strict csv reader, record by record, and what is no record is rejected with its reason.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from components.core.errors import DataError
from components.data.landing.columns import declared_columns, name_columns
from components.data.landing.csv_blocks import plain_piece
from components.data.landing.csv_records import Dialect, careful_piece
from components.data.landing.delimiter import SAMPLE_RECORDS, find_delimiter, refuse_uncut
from components.data.landing.encoding import Encoding, find_encoding
from components.data.landing.formats import FileFormat, Limits
from components.data.landing.lines import (
    BLOCK_SIZE,
    ESCAPED,
    SMALL_BLOCK,
    Block,
    blocks,
    decoded_lines,
    opened_text,
    readable,
    too_long,
)
from components.data.landing.opening import Member, Readable
from components.data.landing.piece import Account, Piece, Pieces

UNIT_SEPARATOR = "\x1f"  # stands in for a delimiter of several characters
HEAD_BYTES = 2**18
FOREIGN_BYTES = 2**16
EXCELS_NOTE = re.compile(rb"[\"\s]*sep=", re.IGNORECASE)
WEB_PAGE = (b"<!doctype html", b"<html", b"<?xml")
FOREIGN = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip or Excel", b"PAR1": "parquet"}
UNREADABLE = {
    b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!": "RAR", b"\xd0\xcf\x11\xe0": "an old Office file", b"%PDF": "PDF",
    b"SQLite format 3\0": "an SQLite database",
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """How a CSV file is cut and what its columns are called.

    header_lines  physical lines up to and including the header
    long_delimiter  the delimiter of several characters that UNIT_SEPARATOR stands for
    """

    dialect: Dialect
    encoding: Encoding
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
    with opened_text(member, layout.encoding) as (stream, _):
        yield from _pieces(stream, layout, limits)


def find_layout(member: Member, declared: FileFormat, limits: Limits) -> Layout:
    """Encoding, delimiter and columns, from the declaration and the first lines."""
    _refuse_foreign(member)
    encoding = find_encoding(member, declared.encoding)
    lines, cut_in = _first_lines(member, encoding)
    if not any(line.strip() for line in lines):
        raise DataError(f"{member.label}: the file is empty; export it again, or take it out of the table.")
    long = declared.delimiter if declared.delimiter and len(declared.delimiter) > 1 else None
    if long:
        lines = [line.replace(long, UNIT_SEPARATOR) for line in lines]
    delimiter = UNIT_SEPARATOR if long else _delimiter(lines, declared, member.label)
    quote = None if long else declared.quote
    dialect = Dialect(cut_in, delimiter, quote, (), int(limits.max_record_mb * 2**20))
    if not declared.header:
        return Layout(
            replace(dialect, columns=declared_columns(declared, member.label)), encoding, 0, 0, long, encoding.remarks
        )
    names, used, blank = _header(lines, dialect, member.label)
    columns, remarks = name_columns(names, member.label, limits)
    return Layout(replace(dialect, columns=columns), encoding, used, blank, long, encoding.remarks + remarks)


def _delimiter(lines: list[str], declared: FileFormat, label: str) -> str:
    filled = [line for line in lines if line.strip()]
    if declared.delimiter is None:
        return find_delimiter(filled, declared.quote, label)
    refuse_uncut(filled, declared.delimiter, declared.quote, label)
    return declared.delimiter


def _first_lines(member: Member, encoding: Encoding) -> tuple[list[str], str]:
    """The first lines, whole unless a line is very long, and the encoding they are cut in."""
    with opened_text(member, encoding) as (stream, name):
        data = stream.read(HEAD_BYTES)
    data = data.removeprefix(codecs.BOM_UTF8)
    end = data.rfind(b"\n") + 1
    whole = data[:end] if len(data) >= HEAD_BYTES and end else data
    return [line + "\n" for line in decoded_lines(whole, name)][: 5 * SAMPLE_RECORDS], name


def _refuse_foreign(member: Member) -> None:
    label = member.label
    with member.open() as stream:
        data = stream.read(FOREIGN_BYTES)
    if data.lstrip()[:16].lower().startswith(WEB_PAGE):
        raise DataError(f"{label}: is a web page (an error page?), not a table; fetch the file again.")
    if EXCELS_NOTE.match(data):
        raise DataError(
            f"{label}: its first line (sep=) tells Excel the delimiter; take it out, the header comes first."
        )
    for magic, kind in FOREIGN.items():
        if data.startswith(magic):
            raise DataError(f"{label}: is {kind} by its first bytes, not text; name it so or declare its `format`.")
    for magic, kind in UNREADABLE.items():
        if data.startswith(magic):
            raise DataError(f"{label}: is {kind} by its first bytes, which is not read; unpack or export it as text.")
    if b"\n" not in data and data.count(b"\r") > 1:
        raise DataError(f"{label}: its lines end in carriage returns only; convert them, e.g. `tr '\\r' '\\n'`.")


def _header(lines: list[str], dialect: Dialect, label: str) -> tuple[list[str], int, int]:
    """The header's names, the lines up to its end, and how many of them are blank."""
    blank = next(i for i, line in enumerate(lines) if line.strip())
    reader = dialect.reader(islice(lines, blank, None))
    try:
        names = next(reader)
    except (csv.Error, StopIteration) as e:
        raise DataError(f"{label}: the header {lines[blank][:200]!r} cannot be read ({e}); repair it.") from None
    return names, blank + reader.line_num, blank


def _pieces(stream: Readable, layout: Layout, limits: Limits) -> Pieces:
    dialect, line, rest, rows = layout.dialect, layout.header_lines + 1, b"", 0
    for block in _without_head(_blocks(stream, layout, limits), layout.header_lines):
        if block.long_bytes:
            # An open record cannot go on over a line that is too long.
            found, rest = _pieces_at_end(rest, line, dialect), b""
        else:
            piece, taken = _piece(rest + block.data, line, dialect)
            found, rest = [piece], (rest + block.data)[taken:]
        for piece in found:
            line, rows = line + piece.account.lines, rows + piece.account.rows
            yield piece
        if block.long_bytes:
            yield too_long(
                line, readable(block.data.decode(dialect.encoding, ESCAPED), dialect.encoding), block.long_bytes, limits
            )
            line += 1
        if limits.first_rows and rows >= limits.first_rows:
            return
    yield from _pieces_at_end(rest, line, dialect)


def _pieces_at_end(rest: bytes, line: int, dialect: Dialect) -> list[Piece]:
    return [careful_piece(rest, line, dialect, last=True)[0]] if rest else []


def _piece(data: bytes, line: int, dialect: Dialect) -> tuple[Piece, int]:
    """The next piece and the bytes it took; a record that is not closed yet waits for the next block."""
    return plain_piece(data, line, dialect) or careful_piece(data, line, dialect, last=False)


def _blocks(stream: Readable, layout: Layout, limits: Limits) -> Iterator[Block]:
    size = SMALL_BLOCK if limits.first_rows else BLOCK_SIZE
    first = True
    for block in blocks(stream, layout.dialect.max_record, size):
        data = block.data.removeprefix(codecs.BOM_UTF8) if first else block.data
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
