"""What most sources share: raw files are copied, landed, and mapped column by column to the canonical tables.

A source of this kind says which raw tables it has (`raw_tables`: files and their format) and which canonical table
each gives (`parts`: a mapping). In data/ every raw table is a folder of its name.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data import engine, file_columns, raw_files
from components.data.landing import FileFormat, Landed, Limits, land
from components.data.landing.formats import JSONL, format_of
from components.data.mapping.table_mapping import TableMapping, canonical
from components.data.source import Source

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

LOOKED_AT = 1_000  # rows of a file whose columns are wanted: of JSON lines, not every row names all
KEYS = {schema.ITEMS_TABLE: schema.ITEM_ID, schema.USERS_TABLE: schema.USER_ID}


@dataclass(frozen=True)
class RawTable:
    """Files of one kind: paths or patterns, and how they are written."""

    files: tuple[str, ...]
    format: FileFormat = field(default_factory=FileFormat)


@dataclass(frozen=True)
class Part:
    """What one raw table gives to one canonical table.

    one_per_id  the raw rows are lines (of orders) that repeat what is known of an item or user: one row is made of
                them for each id, the one that most lines agree on; it carries no TRACE, for no line is lost by it
    rows        the landed table with what the source made of it (joined, filtered, cut); None: as it is
    """

    raw: str
    table: str
    mapping: TableMapping
    one_per_id: bool = False
    rows: Table | None = None


class MappedSource(Source):
    """A source whose files are landed and mapped; the option `limits` bounds what is read from outside."""

    def __init__(self, config: Config | None = None):
        """As every source; `raw` names the raw tables, and leaves their columns for the mapping to check."""
        super().__init__(config)
        self.limits = getattr(self.config, "limits", Limits())
        self.raw = {name: {} for name in self.raw_tables()}

    @abstractmethod
    def raw_tables(self) -> dict[str, RawTable]:
        """The raw tables by name, which is also the name of their folder in data/."""

    @abstractmethod
    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """What each raw table gives; `raw` holds the landed tables, for sources that know several forms of them."""

    def found(self) -> dict[str, list[tuple[Path, str]]]:
        """The files of each raw table where they lie now, with their names in data/; DataError if there is none."""
        component = self.component()
        return {name: raw_files.find(raw.files, f"{component}: {name}") for name, raw in self.raw_tables().items()}

    def ingest(self, destination: Path) -> None:
        """Copy the files of every raw table into a folder of its name."""
        for name, files in self.found().items():
            raw_files.copy(files, Path(destination) / name)

    def files_in(self, folder: Path) -> dict[str, list[Path]]:
        """The files of every raw table in its folder in data/."""
        names = {name: [str(Path(folder) / name)] for name in self.raw_tables()}
        return {
            name: [file for file, _ in raw_files.find(where, f"{self.component()}: {name}")]
            for name, where in names.items()
        }

    def land(self, folder: Path, work: Path) -> Path:
        """Land every raw table from its folder in data/; DataError if a file lacks a column that is read of others."""
        lacking = {}
        for name, files in self.files_in(folder).items():
            landed = land(name, files, self.raw_tables()[name].format, work, self.limits, Path(folder))
            lacking[name] = landed.lacking
        self.land_beside(folder, work)
        if any(lacking.values()):
            con = engine.connect()
            needed = self.needed(self._landed(con, Path(work)))
            con.disconnect()
            file_columns.refuse(lacking, needed)
        return Path(work)

    def land_file(self, name: str, file: Path, folder: Path, work: Path) -> None:
        """Land one file of a raw table."""
        land(name, [file], self.raw_tables()[name].format, work, self.limits, Path(folder), may_be_empty=True)

    def sample(self, work: Path, rows: int) -> dict[str, Landed]:
        """Land the first rows of each raw table, of its first and its last file, from where the files lie now."""
        return {
            name: self._land_first_rows(name, _ends(files), rows, _folder_of(files), work)
            for name, files in self._lying().items()
        }

    def unlike(self, work: Path, rows: int) -> file_columns.Lacking:
        """By raw table, the files where they lie now that lack columns which others of it have, by their first rows.

        Of a file of JSON lines that has more rows than that nothing is said: a key may come later.
        """
        unlike = {}
        for name, files in self._lying().items():
            landed = self._land_first_rows(name, files, rows, _folder_of(files), work, may_be_empty=True)
            declared, accounts = self.raw_tables()[name].format, landed.accounts
            unlike[name] = {
                file: columns
                for file, columns in landed.lacking.items()
                if file not in accounts or format_of(file, declared) != JSONL or accounts[file].rows < rows
            }
        return unlike

    def needed(self, landed: dict[str, Table]) -> dict[str, set[str]]:
        """The columns that the mappings read, but those that they say a file may lack."""
        optional = self.optional(landed)
        return {raw: columns - optional[raw] for raw, columns in self._read(landed).items()}

    def optional(self, landed: dict[str, Table]) -> dict[str, set[str]]:
        """The columns that all mappings which read them say a file may lack."""
        strict: dict[str, set[str]] = {name: set() for name in landed}
        for part in self.parts(landed):
            strict[part.raw] |= set(part.mapping.raw_columns()) - set(part.mapping.may_lack)
        return {raw: columns - strict[raw] for raw, columns in self._read(landed).items()}

    def needed_before(self, folder: Path, work: Path) -> dict[str, set[str]]:
        """By the columns of the first and the last file of every raw table."""
        seen = [
            self._land_first_rows(name, _ends(files), LOOKED_AT, Path(folder), work, may_be_empty=True)
            for name, files in self.files_in(folder).items()
        ]
        if not all(landed.rows for landed in seen):
            return {}
        con = engine.connect()
        self.land_beside(folder, work)
        landed = self._landed(con, Path(work))
        needed = self.needed(landed)
        con.disconnect()
        return {name: columns & {*landed[name].columns} for name, columns in needed.items()}

    def _landed(self, con: Backend, folder: Path) -> dict[str, Table]:
        return {name: engine.read_parquet(con, folder / f"{name}.parquet") for name in self.raw}

    def _lying(self) -> dict[str, list[Path]]:
        """The files of each raw table where they lie now, each once; none of what comes out of a database."""
        found = {name: list(dict.fromkeys(file.resolve() for file, _ in files)) for name, files in self.found().items()}
        return {name: files for name, files in found.items() if files}

    def _land_first_rows(
        self, name: str, files: list[Path], rows: int, root: Path, work: Path, *, may_be_empty: bool = False
    ) -> Landed:
        limits = self.limits.model_copy(update={"first_rows": rows})
        return land(name, files, self.raw_tables()[name].format, work, limits, root, may_be_empty=may_be_empty)

    def _read(self, landed: dict[str, Table]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {name: set() for name in landed}
        for part in self.parts(landed):
            found[part.raw] |= set(part.mapping.raw_columns())
        return found

    def tables(self, con: Backend, folder: Path) -> dict[str, Table]:
        """Canonical tables; where no raw table gives items, they are those of the interactions."""
        raw = self._landed(con, Path(folder))
        parts = self.parts(raw)
        tables = {name: _made(name, [p for p in parts if p.table == name], raw) for name in _names(parts)}
        if schema.INTERACTIONS_TABLE not in tables:
            raise DataError(f"{self.component()}: no raw table gives interactions; add one to its params.")
        if schema.ITEMS_TABLE not in tables:
            ids = tables[schema.INTERACTIONS_TABLE].select(schema.ITEM_ID)
            tables[schema.ITEMS_TABLE] = most_frequent(ids, schema.ITEM_ID)
        return tables


def _ends(files: list[Path]) -> list[Path]:
    """The first and the last file."""
    return list(dict.fromkeys([files[0], files[-1]]))


def _folder_of(files: list[Path]) -> Path:
    """The folder that holds them all."""
    return Path(os.path.commonpath([file.parent for file in files]))


def _names(parts: Iterable[Part]) -> list[str]:
    given = {part.table for part in parts}
    return [name for name in schema.COLUMNS if name in given]


def _made(name: str, parts: list[Part], raw: dict[str, Table]) -> Table:
    """One canonical table of all the raw tables that give to it."""
    mapped = [
        canonical(raw[p.raw] if p.rows is None else p.rows, name, p.mapping, f"{p.raw}_{i}")
        for i, p in enumerate(parts, 1)
    ]
    rows = _together(mapped, name)
    return most_frequent(rows, KEYS[name]) if any(p.one_per_id for p in parts) else rows


def most_frequent(lines: Table, key: str) -> Table:
    """One row for each id: the values that most lines agree on, those with the fewest gaps first; no TRACE.

    Ties go to the greatest values, so that the answer does not depend on the order of lines.
    """
    import ibis

    columns = [c for c in lines.columns if c not in schema.TRACE]
    counts = lines.filter(lines[key].notnull()).group_by(columns).agg(lines=lambda t: t.count())
    others = [c for c in columns if c != key]
    if not others:
        return counts.select(key)
    gaps = sum((counts[c].isnull().cast("int64") for c in others), ibis.literal(0, "int64"))
    order = [gaps, counts.lines.desc(), *(counts[c].desc() for c in others)]
    place = ibis.row_number().over(ibis.window(group_by=key, order_by=order))
    return counts.mutate(place=place).filter(lambda t: t.place == 0).select(columns)


def _together(parts: Iterable[Table], name: str) -> Table:
    """All rows of several tables, with the columns that any of them gives."""
    import ibis

    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    given = {c for part in parts for c in part.columns}
    columns = [c for c in (*schema.COLUMNS[name], *schema.TRACE) if c in given]
    return ibis.union(*[_widened(part, columns) for part in parts])


def _widened(part: Table, columns: list[str]) -> Table:
    import ibis

    def column(name: str):
        if name in part.columns:
            return part[name]
        return ibis.null("int64" if name == schema.SOURCE_ROW else schema.column_type(name))

    return part.select(**{name: column(name) for name in columns})
