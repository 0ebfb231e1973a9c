"""Raw files landed one by one, each once: what was landed before is found in the part store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.bundle import read_json
from components.core.errors import DataError
from components.core.progress import track
from components.core.schema import SOURCE_FILE, SOURCE_ROW
from components.data.file_columns import Lacking
from components.data.landing.archive import MEMBER_MARK
from components.data.source import Source
from components.quality.accounts import ACCOUNT, Accounts
from components.quality.part_store import LANDED, PartStore, key_of

SHEET_MARK = "#"  # file.xlsx#Sheet
COLUMNS_FILE = "0-columns.parquet"


@dataclass(frozen=True)
class RawFile:
    """One raw file.

    raw     the raw table it belongs to
    name    its path below data/
    digest  of its bytes
    key     names the bytes, the name, the source's options and the code that lands it
    landed  folder with <raw>.parquet (where it has rows), its rejected lines and its account
    """

    raw: str
    name: str
    digest: str
    key: str
    landed: Path

    @property
    def rows(self) -> Path:
        """The landed rows; the file is not there where it holds none."""
        return self.landed / f"{self.raw}.parquet"

    def holds(self, source_file: str) -> bool:
        """Whether rows of this source_file are rows of this file, or of a member or sheet in it."""
        return source_file == self.name or source_file.startswith((self.name + MEMBER_MARK, self.name + SHEET_MARK))


def land_files(
    source: Source, data: Path, digests: Mapping[str, str], identity: Any, store: PartStore
) -> tuple[list[RawFile], Accounts]:
    """Every raw file of a source, landed now or before, in the order of raw tables and names.

    digests   of the files' bytes, by path below data/
    identity  what else the landed rows hang on: the source's options, the code
    Raises    DataError on a file that cannot be read, and where no file of a raw table holds a row
    """
    found, accounts = [], Accounts()
    todo = [(raw, file) for raw, files in source.files_in(data).items() for file in files]
    for raw, file in track(todo, "landing files"):
        name = file.relative_to(data).as_posix()
        key = key_of(raw, name, digests[name], identity)
        known = store.find(LANDED, key)
        landed = known or store.make(LANDED, key, lambda fresh, r=raw, f=file: source.land_file(r, f, data, fresh))
        accounts.add(raw, landed)
        found.append(RawFile(raw, name, digests[name], key, landed))
    return found, accounts


def check_rows(source: Source, data: Path, files: Iterable[RawFile], work: Path) -> None:
    """DataError, in landing's own words, where no file of a raw table holds a row."""
    files = list(files)
    if {file.raw for file in files} - {file.raw for file in files if file.rows.is_file()}:
        work.mkdir()
        source.land(data, work)


def link_landed(folder: Path, files: Iterable[RawFile], chosen: Iterable[RawFile]) -> Lacking:
    """Lay out landed files as `Source.tables` reads them: a folder of parquet for each raw table.

    files   all there are: a column that any of them has is there, and null in the others
    chosen  those whose rows are wanted
    Returns by raw table and file the columns that this file, or a member or sheet in it, lacks
    Raises  DataError if files of one raw table give a column two types or two spellings
    """
    import pyarrow.parquet as pq

    lacking, files, chosen = {}, list(files), list(chosen)
    for raw in dict.fromkeys(file.raw for file in files):
        place = folder / f"{raw}.parquet"
        place.mkdir(parents=True)
        schemas = {f.name: pq.read_schema(f.rows) for f in files if f.raw == raw and f.rows.is_file()}
        wanted = _joined(schemas)
        pq.write_table(wanted.empty_table(), place / COLUMNS_FILE)
        lacking[raw] = _lacking([f for f in files if f.name in schemas and f.raw == raw], schemas, wanted.names)
        there = [file for file in chosen if file.raw == raw and file.rows.is_file()]
        for number, file in enumerate(there, 1):
            (place / f"{number:06d}.parquet").symlink_to(file.rows.resolve())
    return lacking


def _joined(schemas: Mapping[str, Any]) -> Any:
    """The columns of all files, source_file and source_row last."""
    import pyarrow as pa

    fields: dict[str, tuple[Any, str]] = {}
    spelled: dict[str, tuple[str, str]] = {}
    for file, found in schemas.items():
        for field in found:
            known, first = fields.setdefault(field.name, (field, file))
            if known.type != field.type:
                raise DataError(
                    f"{file}: column '{field.name}' is {field.type}, in {first} it is {known.type}; give all files of "
                    "a table one type."
                )
            other, first = spelled.setdefault(field.name.lower(), (field.name, file))
            if other != field.name:
                raise DataError(f"{file}: column '{field.name}' is '{other}' in {first}; spell it one way.")
    trace = (SOURCE_FILE, SOURCE_ROW)
    plain = [field for name, (field, _) in fields.items() if name not in trace]
    return pa.schema([*plain, *(fields[name][0] for name in trace)])


def _lacking(files: Iterable[RawFile], schemas: Mapping[str, Any], names: list[str]) -> dict[str, list[str]]:
    missing = {file.name: [n for n in names if n not in schemas[file.name].names] for file in files}
    for file in files:
        said = read_json(file.landed / f"{file.raw}{ACCOUNT}").get("lacking", {})
        missing |= {member: sorted({*columns, *missing[file.name]}) for member, columns in said.items()}
    return {name: columns for name, columns in missing.items() if columns}
