"""Arrivals: a new file of a raw table is looked at, copied into data/ and pinned, or refused as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from filecmp import cmp
from pathlib import Path
from typing import Any

from components.core import layout
from components.core.bundle import read_json
from components.core.errors import DataError
from components.data import engine, file_columns, raw_files, under_way
from components.data.pin import check_pin, file_digests, read_pin
from components.data.source import Source


@dataclass(frozen=True)
class Arrival:
    """One file that came in.

    name      its path below data/
    rows      rows in it; `rejected` lines that are none
    repeated  rows that are copies of rows before them in the same file
    """

    name: str
    rows: int
    rejected: int
    repeated: int


def add(root: Path, source: Source, raw: str, files: Sequence[Path]) -> tuple[str, list[Arrival]]:
    """Bring files of the raw table `raw` into data/<raw>/ and pin them; returns the new digest, and what came.

    What a killed `add` had begun to move in is completed first, and is among what came.
    Raises DataError, and changes nothing, if the data are not the pinned ones, a file cannot be read as one of its
    table, its name is taken by other bytes, or its bytes are there under another name.
    """
    with under_way.alone(root):
        completed = [_arrival(name, facts) for name, facts in under_way.complete(root).items()]
        digest = check_pin(root)
        _check_table(source, raw)
        fresh = _not_among(completed, root, raw, _named_once(files))
        if not fresh:
            return digest, completed
        with under_way.beside(root) as work:
            raw_files.copy([(file, file.name) for file in fresh], work / layout.DATA.name / raw)
            _refuse_known(root, work / layout.DATA.name)
            arrivals = [_look(source, raw, file, work) for file in sorted((work / layout.DATA.name / raw).iterdir())]
            _refuse_other_columns(source, raw, root, work)
            under_way.note(root, {a.name: {k: v for k, v in asdict(a).items() if k != "name"} for a in arrivals})
            under_way.complete(root)
        return check_pin(root), [*completed, *arrivals]


def _arrival(name: str, facts: dict[str, Any]) -> Arrival:
    return Arrival(name, facts["rows"], facts["rejected"], facts["repeated"])


def _not_among(completed: Sequence[Arrival], root: Path, raw: str, files: Sequence[Path]) -> list[Path]:
    """The files that did not just come in: the same command, run again after a kill, names those too."""
    came = {root / layout.DATA / arrival.name for arrival in completed}
    targets = {file: root / layout.DATA / raw / file.name for file in files}
    return [file for file, target in targets.items() if target not in came or not cmp(file, target, shallow=False)]


def _check_table(source: Source, raw: str) -> None:
    if raw not in source.raw:
        raise DataError(f"snapshot: the source has no raw table '{raw}'; it has {', '.join(sorted(source.raw))}.")
    if not source.by_file():
        raise DataError(f"snapshot: no file can be added to the source {source.component()}: {source.closed}.")


def _named_once(files: Sequence[Path]) -> list[Path]:
    names = [file.name for file in files]
    for file in files:
        if not file.is_file():
            raise DataError(f"{file}: no such file.")
        if names.count(file.name) > 1:
            raise DataError(f"snapshot: two files are named {file.name}; add them under names of their own.")
    return list(files)


def _refuse_known(root: Path, fresh: Path) -> None:
    _, pinned = read_pin(root / layout.DATA_PIN)
    by_digest = {md5: name for name, md5 in pinned.items()}
    for name, md5 in file_digests(fresh).items():
        if pinned.get(name) == md5:
            raise DataError(f"snapshot: {name} is in {layout.DATA}/ already, byte for byte; nothing was added.")
        if name in pinned:
            raise DataError(
                f"snapshot: {name} is in {layout.DATA}/ with other bytes; a correction gets a name of its own, or "
                f"replace the file and accept it with `python -m components.data.pin`. Nothing was added."
            )
        if md5 in by_digest:
            raise DataError(
                f"snapshot: {name} has the very bytes of {by_digest[md5]}: the same day twice would count every event "
                "twice. Nothing was added."
            )


def _look(source: Source, raw: str, file: Path, work: Path) -> Arrival:
    """Land the file, so that one which cannot be read never enters."""
    landed = work / "landed" / file.name
    source.land_file(raw, file, work / layout.DATA.name, landed)
    rows, rejected = landed / f"{raw}.parquet", landed / f"{raw}.rejected.parquet"
    total, distinct = _counted(rows) if rows.is_file() else (0, 0)
    lines = engine.count_rows(rejected) if rejected.is_file() else 0
    if not total:
        raise DataError(f"snapshot: {file.name} holds no row ({lines:,} lines are none); nothing was added.")
    return Arrival(f"{raw}/{file.name}", total, lines, total - distinct)


def _refuse_other_columns(source: Source, raw: str, root: Path, work: Path) -> None:
    """DataError where a file, or a member or sheet in it, lacks a column that the mapping reads in those before it."""
    from pyarrow.parquet import read_schema

    needed = source.needed_before(root / layout.DATA, work / "before").get(raw, set())
    for folder in sorted((work / "landed").iterdir()):
        said = read_json(folder / f"{raw}.landed.json")["lacking"]
        there = set(read_schema(folder / f"{raw}.parquet").names)
        bad = {f"{raw}/{folder.name}": sorted(needed - there)} | {f: sorted(needed & {*c}) for f, c in said.items()}
        bad = {file: columns for file, columns in bad.items() if columns}
        if bad:
            raise DataError(f"snapshot: {file_columns.words(raw, bad)} Nothing was added.")


def _counted(path: Path) -> tuple[int, int]:
    """Rows, and distinct ones, whatever their place in the file."""
    from components.core.schema import SOURCE_FILE, SOURCE_ROW

    con = engine.connect()
    table = engine.read_parquet(con, path).drop(SOURCE_FILE, SOURCE_ROW)
    counts = int(table.count().execute()), int(table.distinct().count().execute())
    con.disconnect()
    return counts
