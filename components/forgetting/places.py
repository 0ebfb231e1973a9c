"""Places of a person's rows: a file, a member of an archive, a sheet of a workbook; and how they are cut out there.

Where a file is an archive or a workbook, it may tell of the person in parts that nobody reads (a README, a comment,
another sheet). Those are looked through before anything is changed, and if they do, forgetting is refused.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from components.core import layout
from components.core.errors import DataError
from components.data.landing.archive import MEMBER_MARK
from components.data.landing.formats import (
    EVERY_SHEET,
    EXCEL,
    GZIP_SUFFIXES,
    PARQUET,
    FileFormat,
    format_of,
    is_archive,
)
from components.data.landing.opening import copied
from components.forgetting.archives import Edit, edit_members, members, unpacked
from components.forgetting.person import Person
from components.forgetting.rewriting import drop_lines, drop_rows
from components.forgetting.workbook import drop_sheet_rows, sheet_parts

SHEET_MARK = "#"  # file.xlsx#Sheet, where every sheet is read


@dataclass(frozen=True)
class Place:
    """Rows of one file below data/, of one member of it, or of one sheet.

    rows   lines, or records from 1, as source_row says
    spans  text: the lines that these rows reach over
    """

    file: str
    member: str | None
    sheet: str | None
    format: FileFormat
    rows: Collection[int]
    spans: Sequence[tuple[int, int]] = field(default=())

    @property
    def kind(self) -> str:
        """Format of the file, or of the member."""
        return format_of(PurePosixPath(self.member or self.file).name, self.format)

    @property
    def is_text(self) -> bool:
        """Whether rows are lines."""
        return self.kind not in (EXCEL, PARQUET)


def placed(data: Path, label: str, declared: FileFormat, rows: Collection[int]) -> Place:
    """The place that source_file names: `file`, `file!member`, either perhaps with `#sheet`."""
    if (data / label).is_file():
        return Place(label, None, _sheet(declared), declared, rows)
    cuts = [at for at, letter in enumerate(label) if letter in (MEMBER_MARK, SHEET_MARK)]
    for at in cuts:
        file, rest = label[:at], label[at + 1 :]
        if (data / file).is_file() and label[at] == SHEET_MARK:
            return Place(file, None, rest, declared, rows)
        if (data / file).is_file():
            names = [name for name, _ in members(data / file) if rest == name or rest.startswith(name + SHEET_MARK)]
            member = max(names, key=len, default=rest)
            return Place(file, member, rest[len(member) + 1 :] or _sheet(declared), declared, rows)
    raise DataError(f"forget: {layout.DATA}/{label} is named by a row, but is not there; bring the data in again.")


def _sheet(declared: FileFormat) -> str | None:
    return None if declared.sheet == EVERY_SHEET else declared.sheet


@dataclass(frozen=True)
class Packed:
    """The raw files, of which archives and workbooks have parts that nobody reads.

    read  labels of the files and members that landing read
    """

    data: Path
    person: Person
    read: Collection[str]

    def removal(self, file: str, places: Sequence[Place]) -> Callable[[], None]:
        """What cuts the rows of one file out.

        Raises DataError, in a trial on a copy, if they cannot be cut out, or other parts tell of the person.
        """
        edit = _edit_of(file, places)
        if is_archive(file) or places[0].kind == EXCEL:
            with tempfile.TemporaryDirectory(prefix="shoploop-forget-") as folder:
                trial = Path(folder) / PurePosixPath(file).name
                shutil.copyfile(self.data / file, trial)
                edit(trial)
                self._refuse_named(file, trial, places[0].format)
        return partial(edit, self.data / file)

    def refuse_elsewhere(self, done: Collection[str], declared: Callable[[str], FileFormat]) -> None:
        """Look through the archives and workbooks without a row of the person; DataError if one tells of them."""
        files = {label.partition(MEMBER_MARK)[0] for label in self.read} - set(done)
        for file in sorted(file for file in files if (self.data / file).is_file()):
            form = declared(file)
            if is_archive(file) or format_of(PurePosixPath(file).name, form) == EXCEL:
                self._refuse_named(file, self.data / file, form)

    def _refuse_named(self, file: str, path: Path, declared: FileFormat) -> None:
        named = list(self._unread(file, path, declared))
        if named:
            raise DataError(
                f"forget: {layout.DATA}/{file} names the person where shoploop reads nothing: {', '.join(named)}. "
                "Nothing was changed. Take that out at its origin (another member, a comment, another sheet or column "
                "of a pivot table), bring the file in again, accept it with `python -m components.data.pin`, and run "
                "this again."
            )

    def _unread(self, file: str, path: Path, declared: FileFormat) -> Iterator[str]:
        """The parts that name the person, of those that nobody reads."""
        if not is_archive(file):
            yield from _named_parts(path, self.person, declared)
            return
        for name, stream in members(path):
            was_read = f"{file}{MEMBER_MARK}{name}" in self.read
            if name.lower().endswith(".xlsx"):
                with copied(stream, Path(tempfile.gettempdir())) as book:
                    parts = _named_parts(book, self.person, declared if was_read else None)
                    yield from (f"{name}, {part}" for part in parts)
            elif not was_read and self.person.is_in_stream(stream):
                yield name


def _named_parts(path: Path, person: Person, declared: FileFormat | None) -> list[str]:
    """Parts of a workbook that name the person, but for the sheets that are read."""
    with zipfile.ZipFile(path) as book:
        sheets = sheet_parts(book)
    chosen = [] if declared is None else _chosen(list(sheets), declared.sheet)
    read = {sheets[name] for name in chosen}
    return [name for name, stream in members(path) if name not in read and person.is_in_stream(stream)]


def _chosen(sheets: list[str], sheet: str | None) -> list[str]:
    if sheet == EVERY_SHEET:
        return sheets
    return [sheet] if sheet is not None else sheets[:1]


def _edit_of(file: str, places: Sequence[Place]) -> Edit:
    by_member: dict[str | None, list[Place]] = defaultdict(list)
    for place in places:
        by_member[place.member].append(place)
    if not is_archive(file):
        return _plain_edit(file, by_member[None])
    edits: Mapping[str, Edit] = {member: _plain_edit(member, found) for member, found in by_member.items()}
    return partial(edit_members, edits=edits)


def _plain_edit(name: str, places: Sequence[Place]) -> Edit:
    """The edit of one file or member; all its places are of one format."""
    first = places[0]
    if first.is_text:
        return partial(drop_lines, spans=first.spans, declared=first.format.encoding)
    if first.kind == EXCEL:
        edit = partial(drop_sheet_rows, rows={place.sheet: place.rows for place in places})
    else:
        edit = partial(drop_rows, kept=_others(first.rows))
    return unpacked(edit) if name.lower().endswith(GZIP_SUFFIXES) else edit


def _others(rows: Collection[int]):
    def kept(batch, before: int):
        import pyarrow as pa

        return pa.array([before + at not in rows for at in range(1, batch.num_rows + 1)], pa.bool_())

    return kept
