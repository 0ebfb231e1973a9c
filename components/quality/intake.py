"""The intake: a source's raw files landed, and its tables of files judged as far as a row can be judged by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.data import engine, file_columns
from components.data.engine import EngineConfig
from components.data.protection import Protection
from components.data.source import Source
from components.quality import row_rules
from components.quality.accounts import Accounts, accounts_in
from components.quality.file_judging import Judging, judged
from components.quality.file_landing import RawFile, check_rows, land_files, link_landed
from components.quality.file_tables import FileTable
from components.quality.part_store import PartStore
from components.quality.suites import Suite


@dataclass(frozen=True)
class Intake:
    """What a run takes in.

    folder   the landed files, as `Source.tables` reads them
    accounts what landing said of them
    tables   the canonical tables of files, by name
    files    the raw files of those, none for other sources; `new` of them were judged now
    used     the parts of the store that this run rests on
    """

    folder: Path
    accounts: Accounts
    tables: Mapping[str, FileTable] = field(default_factory=dict)
    files: Sequence[RawFile] = ()
    new: int = 0
    used: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class Means:
    """Where and with what raw files are worked up.

    data      data/; digests of its files by path below it
    store     parts of earlier runs
    work      an empty folder
    engine    what maps, and the bounds of DuckDB, where Great Expectations judges
    identity  names all else that the parts hang on: the source's options, the code
    """

    data: Path
    digests: Mapping[str, str]
    store: PartStore
    work: Path
    engine: EngineConfig
    identity: Any


def take_in(source: Source, suites: Sequence[Suite], protection: Protection, means: Means) -> Intake:
    """Land what is new of the raw files, and judge by their row rules what is new of the tables of files.

    Raises DataError on a file that cannot be read
    """
    landed = means.work / "landed"
    landed.mkdir()
    if not source.by_file():
        folder = source.land(means.data, landed)
        return Intake(folder, accounts_in(folder, source.raw))
    files, accounts = land_files(source, means.data, means.digests, means.identity, means.store)
    check_rows(source, means.data, files, means.work / "nothing")
    lacking = link_landed(landed, files, files)
    source.land_beside(means.data, landed)
    needed, optional = _columns(source, landed)
    file_columns.refuse(lacking, needed)
    accounts.remarks += file_columns.remarks(lacking, optional)
    own = [row_rules.divided(suite)[0] for suite in suites if suite.table in source.by_file()]
    (means.work / "new").mkdir()
    judging = Judging(source, protection, own, means.identity, means.engine)
    parts, new = judged(judging, files, means.store, means.work / "new")
    tables = {name: FileTable.of(name, parts) for name in source.by_file()}
    return Intake(landed, accounts, tables, files, new, frozenset([*parts, *(file.landed for file in files)]))


def _columns(source: Source, landed: Path) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """By raw table, the columns that every file has to have, and those that one may lack."""
    con = engine.connect()
    raw = {name: engine.read_parquet(con, landed / f"{name}.parquet") for name in source.raw}
    found = source.needed(raw), source.optional(raw)
    con.disconnect()
    return found


def without_row_rules(suites: Sequence[Suite], intake: Intake) -> list[Suite]:
    """The suites, those of tables of files without the rules that were judged file by file."""
    return [row_rules.divided(suite)[1] if suite.table in intake.tables else suite for suite in suites]
