"""Rows cut out of an Excel workbook: out of the sheet's XML, byte for byte, and out of the texts that sheets share.

Nothing else of the workbook is written anew, so that formats, formulas, macros and other sheets stay as they were, and
other rows keep their numbers. Excel keeps texts apart (xl/sharedStrings.xml): those that no row uses any more are
emptied. What else may tell of a person (comments, pivot tables, other sheets) is for the caller to look through.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.parsers import expat

from components.core.errors import DataError
from components.forgetting.rewriting import rewritten

BLOCK = 2**20
BOOK, TEXTS, TYPES = "xl/workbook.xml", "xl/sharedStrings.xml", "[Content_Types].xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
ORDER = "xl/calcChain.xml"  # which formulas there are; Excel makes it anew where it is missing
NAMED = re.compile(rb"<(?:Override|Relationship)\b[^>]*calcChain\.xml[^>]*/>")
Span = tuple[int, int, bytes]  # bytes from, to, and what takes their place


def drop_sheet_rows(path: Path, rows: Mapping[str | None, Collection[int]]) -> None:
    """Cut rows out of an .xlsx, by sheet; None is the first sheet. Rows count from 1, as Excel shows them.

    Raises DataError if it cannot be done without harm to other rows; the file is then as it was.
    """
    with zipfile.ZipFile(path) as book:
        sheets = sheet_parts(book)
        wanted = {sheets[next(iter(sheets)) if name is None else name]: set(found) for name, found in rows.items()}
        cuts = {part: _cut(book, part, gone, path.name) for part, gone in wanted.items()}
        changes = {part: cut.spans for part, cut in cuts.items()}
        texts = set().union(*(cut.texts for cut in cuts.values()))
        for part in sheets.values():
            texts -= _texts_kept(book, part, wanted.get(part, set()), texts) if texts else set()
        if texts:
            changes[TEXTS] = _emptied(book, texts)
        dropped = {ORDER} if any(cut.formulas for cut in cuts.values()) else set()
        with rewritten(path) as fresh, zipfile.ZipFile(fresh, "w") as target:
            for entry in book.infolist():
                if entry.filename not in dropped:
                    _write(book, entry, target, changes.get(entry.filename, ()), plain=not dropped)


def sheet_parts(book: zipfile.ZipFile) -> dict[str, str]:
    """The member of every sheet by its name, in the workbook's order."""
    relations = {a.get("Id"): a.get("Target", "") for name, a in _elements(book, RELATIONS) if name == "Relationship"}
    found = {}
    for name, attributes in _elements(book, BOOK):
        if name == "sheet":
            target = relations.get(next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id"), None), "")
            found[attributes["name"]] = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return found


@dataclass
class _Cut:
    """The spans of the rows that go, the shared texts they use, and whether any holds a formula."""

    spans: list[Span] = field(default_factory=list)
    texts: set[int] = field(default_factory=set)
    formulas: bool = False


class _Reader:
    """A sheet read element by element: `texts` by whether their row goes, and the bytes of the rows that go."""

    def __init__(self, gone: Collection[int]):
        self.gone, self.cut, self.kept = gone, _Cut(), set()
        self.number, self.going, self.start, self.open_end = 0, False, 0, False
        self.shared, self.value = False, None
        self.master = 0
        self.parser = parser()
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._begin, self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.DefaultHandler = lambda _data: self._close()

    def _close(self) -> None:
        if self.open_end:  # the end of a row is where the next thing begins
            self.cut.spans.append((self.start, self.parser.CurrentByteIndex, b""))
            self.open_end = False

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._close()
        local = name.rpartition(":")[2]
        if local == "row":
            self.number = int(attributes.get("r", self.number + 1))
            self.going, self.start = self.number in self.gone, self.parser.CurrentByteIndex
        elif local == "c":
            self.shared = attributes.get("t") == "s"
        elif local == "v":
            self.value = ""
        elif local == "f" and self.going:
            self.cut.formulas = True
            if attributes.get("t") == "shared" and "ref" in attributes:
                self.master = self.number

    def _end(self, name: str) -> None:
        self._close()
        local = name.rpartition(":")[2]
        if local == "v":
            if self.shared and self.value.strip().isdigit():
                (self.cut.texts if self.going else self.kept).add(int(self.value))
            self.value = None
        elif local == "row" and self.going:
            self.going, self.open_end = False, True

    def _text(self, data: str) -> None:
        self._close()
        if self.value is not None:
            self.value += data


def parser() -> expat.XMLParserType:
    """A reader of XML from outside: what declares entities is refused, none of them is looked up."""
    made = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise DataError("forget: the workbook declares a document type, which no spreadsheet does; save it again.")

    made.StartDoctypeDeclHandler = refuse
    return made


def _cut(book: zipfile.ZipFile, part: str, gone: Collection[int], label: str) -> _Cut:
    reader = _Reader(gone)
    _parse(reader.parser, book, part)
    if reader.master:
        raise DataError(
            f"forget: {label}: row {reader.master} of {part} holds a formula that other rows share; nothing was "
            "changed. Paste the column as values in Excel, bring the workbook in again, and run this again."
        )
    return reader.cut


def _texts_kept(book: zipfile.ZipFile, part: str, gone: Collection[int], asked: Collection[int]) -> set[int]:
    """Those of the shared texts that rows which stay use, too."""
    reader = _Reader(gone)
    _parse(reader.parser, book, part)
    return reader.kept & set(asked)


def _emptied(book: zipfile.ZipFile, numbers: Collection[int]) -> list[Span]:
    """The spans of shared texts, by number from 0, with an empty text in their place."""
    spans: list[Span] = []
    reader, state = parser(), {"number": -1, "start": 0, "name": "", "open": False}

    def close() -> None:
        if state["open"]:
            prefix = state["name"].rpartition("si")[0]
            spans.append((state["start"], reader.CurrentByteIndex, f"<{prefix}si><{prefix}t/></{prefix}si>".encode()))
            state["open"] = False

    def begin(name: str, _attributes: dict[str, str]) -> None:
        close()
        if name.rpartition(":")[2] == "si":
            state.update(number=state["number"] + 1, start=reader.CurrentByteIndex, name=name)

    def end(name: str) -> None:
        close()
        state["open"] = name.rpartition(":")[2] == "si" and state["number"] in numbers

    reader.StartElementHandler, reader.EndElementHandler = begin, end
    reader.CharacterDataHandler = reader.DefaultHandler = lambda _data: close()
    _parse(reader, book, TEXTS)
    return spans


def _elements(book: zipfile.ZipFile, part: str) -> list[tuple[str, dict[str, str]]]:
    """Local names and attributes of all elements of a small part."""
    found: list[tuple[str, dict[str, str]]] = []
    reader = parser()
    reader.StartElementHandler = lambda name, attributes: found.append((name.rpartition(":")[2], attributes))
    _parse(reader, book, part)
    return found


def _parse(reader: expat.XMLParserType, book: zipfile.ZipFile, part: str) -> None:
    try:
        with book.open(part) as stream:
            while data := stream.read(BLOCK):
                reader.Parse(data, False)
        reader.Parse(b"", True)
    except (KeyError, expat.ExpatError, zipfile.BadZipFile, EOFError) as e:
        raise DataError(f"forget: {part} of the workbook cannot be read ({e}); save the workbook again.") from None


def _write(
    book: zipfile.ZipFile, entry: zipfile.ZipInfo, target: zipfile.ZipFile, spans: Iterable[Span], *, plain: bool
) -> None:
    """One member, with the bytes of some spans replaced; the lists of members forget ORDER where that goes."""
    with book.open(entry) as source, target.open(like(entry), "w", force_zip64=True) as copy:
        if not plain and entry.filename in (TYPES, RELATIONS):
            copy.write(NAMED.sub(b"", source.read()))
            return
        at = 0
        for start, end, instead in spans:
            _pass(source, copy, start - at)
            _pass(source, None, end - start)
            copy.write(instead)
            at = end
        _pass(source, copy, None)


def like(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """An entry of the same name, time, mode and compression, for other bytes."""
    made = zipfile.ZipInfo(entry.filename, entry.date_time)
    made.compress_type, made.external_attr, made.create_system = (
        entry.compress_type,
        entry.external_attr,
        entry.create_system,
    )
    made.comment = entry.comment
    return made


def _pass(source: IO[bytes], target: IO[bytes] | None, size: int | None) -> None:
    """Copy so many bytes, or all that are left; without a target they are passed over."""
    while size is None or size > 0:
        data = source.read(BLOCK if size is None else min(BLOCK, size))
        if not data:
            return
        size = None if size is None else size - len(data)
        if target is not None:
            target.write(data)
