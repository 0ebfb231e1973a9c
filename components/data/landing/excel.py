"""Excel sheets (.xlsx) as text columns. The reader, calamine, lays a sheet out in memory: what it would take is checked
first, by the sizes of the archive's members and the places of the cells.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from components.core.errors import DataError
from components.core.schema import SOURCE_ROW
from components.data.landing.columns import declared_columns, name_columns
from components.data.landing.formats import EVERY_SHEET, FileFormat, Limits
from components.data.landing.opening import DAMAGE, Bounded, Member, on_disk
from components.data.landing.piece import Account, Piece, Pieces, Rejected

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

CHUNK_ROWS = 20_000
LONGEST_WORKBOOK = 2 * 2**30  # expanded bytes; a full sheet of 12 columns is about 1 GB
CELL = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
CELL_LENGTH = 16
MOST_PLACES = 200_000_000  # cells a sheet may span, filled or not
EXACT_BELOW = 1e15  # Excel keeps 15 digits
OLD_EXCEL = b"\xd0\xcf\x11\xe0"


def read_excel(member: Member, declared: FileFormat, limits: Limits, work: Path) -> Pieces:
    """The pieces of one workbook: numbers as their shortest text, dates as YYYY-MM-DD HH:MM:SS, empty cells as null.

    Raises DataError if it is no .xlsx, protected, damaged, too large, or lacks the sheet.
    """
    with on_disk(member, work) as path:
        _check_size(path, member.label, limits)
        with _plainly(member.label):
            yield from _sheets(path, member.label, declared, limits)


def _sheets(path: Path, label: str, declared: FileFormat, limits: Limits) -> Pieces:
    from python_calamine import CalamineWorkbook

    with CalamineWorkbook.from_path(str(path)) as book:
        names = _chosen(book, declared.sheet, label)
        others = [name for name in book.sheet_names if name not in names]
        if declared.sheet is None and others:
            yield Piece(None, remarks=(f"sheet '{names[0]}' is read, others are not: {', '.join(others)}",))
        for name in names:
            part = f"#{name}" if declared.sheet == EVERY_SHEET else ""
            for piece in _sheet(book.get_sheet_by_name(name), f"{label}, sheet '{name}'", declared, limits):
                yield replace(piece, part=part)


def _chosen(book: CalamineWorkbook, sheet: str | None, label: str) -> list[str]:
    if not book.sheet_names:
        raise DataError(f"{label}: holds no sheet.")
    if sheet == EVERY_SHEET:
        return list(book.sheet_names)
    if sheet is not None and sheet not in book.sheet_names:
        raise DataError(f"{label}: no sheet '{sheet}'; there are: {', '.join(book.sheet_names)}.")
    return [sheet or book.sheet_names[0]]


def _sheet(sheet: CalamineSheet, label: str, declared: FileFormat, limits: Limits) -> Pieces:
    """Rows below the header; those before the first filled cell are blank."""
    before = sheet.start[0] if sheet.start else 0
    rows = iter(sheet.iter_rows())
    header = 0
    if declared.header:
        names = [_text(value) or "" for value in next(rows, [])]
        header = 1 if names else 0
        columns, remarks = name_columns(names, label, limits)
        yield Piece(None, account=Account(lines=before + header, header=header, blank=before), remarks=remarks)
    else:
        columns = declared_columns(declared, label)
        yield Piece(None, account=Account(lines=before, blank=before))
    number, done = before + header + 1, 0
    while chunk := list(islice(rows, CHUNK_ROWS)):
        piece = _piece(chunk, number, columns)
        yield piece
        number, done = number + len(chunk), done + piece.account.rows
        if limits.first_rows and done >= limits.first_rows:
            return


def _piece(chunk: list[list[Any]], number: int, columns: tuple[str, ...]) -> Piece:
    rows, numbers, rejected = [], [], []
    for i, values in enumerate(chunk, number):
        texts = [_text(value) for value in values]
        if not any(texts):
            continue
        if len(texts) == len(columns):
            rows.append(texts)
            numbers.append(i)
        else:
            reason = f"{len(texts)} cells where {len(columns)} columns are named"
            rejected.append(Rejected.of(i, str(texts), "ragged", reason))
    blank = len(chunk) - len(rows) - len(rejected)
    account = Account(len(chunk), 0, len(rows), 0, len(rejected), blank, len(rows))
    if not rows:
        return Piece(None, rejected, account)
    arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    table = pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*columns, SOURCE_ROW])
    return Piece(table, rejected, account)


def _text(value: Any) -> str | None:
    """A cell's value as text; None for an empty cell."""
    if type(value) is str:
        return value or None
    if type(value) is float:
        return str(int(value)) if value.is_integer() and abs(value) < EXACT_BELOW else repr(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    return None if value is None else str(value)


def _check_size(path: Path, label: str, limits: Limits) -> None:
    """DataError unless the workbook's members expand, and its cells spread, within bounds."""
    with open(path, "rb") as f:
        if f.read(4) == OLD_EXCEL:
            raise DataError(f"{label}: is an old .xls or protected by a password; save it as plain .xlsx.")
    expanded = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist()[: limits.max_members]:
                expanded += _check_member(archive, entry, label, limits)
                if expanded > LONGEST_WORKBOOK:
                    raise DataError(f"{label}: expands to more than 2 GiB; save the sheet as CSV.")
    except DAMAGE as e:
        raise DataError(f"{label}: is damaged, cut short or no .xlsx ({e}); save it again.") from None


def _check_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, label: str, limits: Limits) -> int:
    """Expanded bytes of one member; for a sheet also where its cells lie."""
    is_sheet = entry.filename.startswith("xl/worksheets/")
    size, tail, right, bottom = 0, b"", 1, 1
    with archive.open(entry) as raw:
        stream = Bounded(raw, f"{label}, {entry.filename}", limits, lambda: entry.compress_size)
        while data := stream.read(2**20):
            size += len(data)
            if is_sheet:
                found = CELL.findall(tail + data)
                right = max(right, *map(_column_number, {letters for letters, _ in found}), 1)
                bottom = max(bottom, *(int(row) for _, row in found), 1)
                tail = data[-CELL_LENGTH:]
            if right * bottom > MOST_PLACES or size > LONGEST_WORKBOOK:
                raise DataError(
                    f"{label}: {entry.filename} spans {right:,} columns and {bottom:,} rows, {size / 1e6:,.0f} MB; "
                    "delete the cells far off, or save the sheet as CSV."
                )
    return size


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


@contextmanager
def _plainly(label: str) -> Iterator[None]:
    from python_calamine import CalamineError

    try:
        yield
    except CalamineError as e:
        raise DataError(f"{label}: is damaged or no .xlsx ({e}); save it again.") from None
    except BaseException as e:
        if type(e).__name__ != "PanicException":  # how Rust's last resort shows in Python
            raise
        raise DataError(f"{label}: cannot be read as .xlsx; open it and save it again.") from None
