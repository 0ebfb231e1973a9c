"""What is benchmarked: a path becomes canonical interactions, and what could not be read is counted, never lost.

A benchmark runs no Great Expectations: it takes what can be read, says what could not, and cleans as the loop does.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from components.benchmark import sequence_files, snapshot
from components.core import schema
from components.core.bundle import read_json, sha256
from components.core.config import PARAMS_FILE, parse, read_params
from components.core.errors import DataError
from components.core.source_files import digest_of, files_of
from components.data import engine, policy
from components.data.cleaner import Work, totals
from components.data.engine import EngineConfig
from components.data.policy import CleanConfig
from components.data.protection import protection
from components.data.source import SourceChoice
from components.data.undone import UNDONE

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

Kind = Literal["sequences", "snapshot", "source"]
INTERACTIONS = f"{schema.INTERACTIONS_TABLE}.parquet"
ITEMS = f"{schema.ITEMS_TABLE}.parquet"
SEQUENCE_FILES = ("sequences.txt", "sequences.txt.gz")
ATTRIBUTES = "item_attributes.json"
PARAMS_SUFFIXES = (".yaml", ".yml")
NAMED = 5  # files of a folder in which nothing was found
NO_CLEANING = ("duplicates", "sample", "texts", "units", "events")  # on by default; sequences are taken as they are
CODE = tuple(f"components.benchmark.{name}" for name in ("material", "sequence_files", "snapshot", "protocols"))


@dataclass(frozen=True)
class Material:
    """Where the data are and how they are read.

    kind        sequences (bare lines), snapshot (canonical tables) or source (a params.yaml)
    name        how reports call it
    source      None for a snapshot
    params      the params.yaml's sections, empty for other kinds
    """

    kind: Kind
    name: str
    path: Path
    source: SourceChoice | None = None
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def has_times(self) -> bool:
        """Whether the times are the shop's; a snapshot's are taken for real."""
        return self.source is None or self.source.open().has_times

    @property
    def file(self) -> str | None:
        """Its name, where it is not the usual one of its kind: what a command must say."""
        return _own_name(self.path)

    @property
    def repeatable(self) -> bool:
        """Whether `digest` names all that is read; what a source reads is known only once it was copied."""
        return self.kind != "source"

    def digest(self, *further: str, **options: Any) -> str:
        """A name for what `load` makes of it: the bytes it reads, the code that reads them, and further options.

        further  modules of what is done with it then
        """
        modules = (*CODE, *further)
        modules = modules if self.source is None else (*modules, f"components.data.sources.{self.source.component}")
        files = [file for file in self._files() if file.is_file()]
        facts = {"files": {f.name: sha256(f) for f in files}, "code": digest_of(files_of(*modules)), "options": options}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _files(self) -> list[Path]:
        if self.kind == "snapshot":
            return [self.path / name for name in (INTERACTIONS, ITEMS, UNDONE)]
        file = Path(self.source.params["files"]) if self.kind == "sequences" else self.path
        return [file, file.parent / ATTRIBUTES]


def recognise(path: Path) -> Material:
    """What lies at a path: sequences, a snapshot, or a params.yaml that names a source.

    Raises DataError where it is none of these
    """
    path = Path(path)
    if path.suffix in PARAMS_SUFFIXES and path.is_file():
        params = read_params(path)
        source = parse(SourceChoice, params.get("source"), f"{path}: source")
        return Material("source", _own_name(path) or source.component, path, source, params)
    if path.is_file() and path.suffix != ".parquet":
        return Material("sequences", _own_name(path) or path.parent.resolve().name, path, _sequences(path))
    if (path / INTERACTIONS).is_file():
        return Material("snapshot", path.resolve().name, path)
    found = [path / name for name in SEQUENCE_FILES if (path / name).is_file()]
    if found:
        return Material("sequences", path.resolve().name, path, _sequences(found[0]))
    if path.name == INTERACTIONS and path.is_file():
        raise DataError(f"{path}: canonical tables are read as a folder; give {path.parent}, in which it lies.")
    held = sorted(file.name for file in path.iterdir())[:NAMED] if path.is_dir() else []
    there = f" (it holds {', '.join(held)})" if held else ""
    raise DataError(
        f"{path}: no data to benchmark on{there}. Give a file of lines "
        f"`user item item …`, by whatever name, a folder with {SEQUENCE_FILES[0]}, a folder of canonical tables "
        f"({INTERACTIONS}, as artifacts/clean is), or a params.yaml."
    )


def _own_name(path: Path) -> str | None:
    """A file's name; None of a folder, and of a file that is called as files of its kind are."""
    return path.name if path.is_file() and path.name not in (*SEQUENCE_FILES, PARAMS_FILE) else None


def load(material: Material, folder: Path, config: EngineConfig) -> dict[str, Any]:
    """Write canonical interactions and items to `folder`, and say what was read and what could not be.

    Writes   interactions.parquet, items.parquet where there are any, undone.parquet where purchases were taken back
    Returns  counts and remarks for the report
    Raises   DataError where nothing can be read
    """
    con = config.open()
    with tempfile.TemporaryDirectory(prefix="shoploop-benchmark-") as work:
        if material.source is None:
            counts = _copy_snapshot(con, material.path, folder)
        else:
            counts = _from_source(con, material, folder, Path(work))
    con.disconnect()
    return counts


def _sequences(file: Path) -> SourceChoice:
    beside = file.parent / ATTRIBUTES
    params = {"files": str(file), "event_type": "rating"}
    params |= {"item_attributes": str(beside)} if beside.is_file() else {}
    return SourceChoice(component="sequences", params=params)


def _copy_snapshot(con: Backend, clean: Path, folder: Path) -> dict[str, Any]:
    given, remarks = {}, []
    for name in (INTERACTIONS, ITEMS, UNDONE):
        if (clean / name).is_file():
            table = schema.ITEMS_TABLE if name == ITEMS else schema.INTERACTIONS_TABLE
            read = engine.read_parquet(con, clean / name)
            given[Path(name).stem], said = snapshot.typed(read, table, clean / name, undone=name == UNDONE)
            remarks += said
    undone = given.pop(Path(UNDONE).stem, None)
    given[schema.INTERACTIONS_TABLE] = snapshot.without_blank_ids(given[schema.INTERACTIONS_TABLE])
    tables, unreadable, _ = _readable(con, given)
    remarks += _without_user(tables[schema.INTERACTIONS_TABLE])
    if unreadable and not totals(events := tables[schema.INTERACTIONS_TABLE], {"n": events.count()})["n"]:
        raise DataError(f"{clean / INTERACTIONS}: all {unreadable:,} events lack an item, a type or a time.")
    for name, table in tables.items():
        engine.write_parquet(table, folder / f"{name}.parquet")
    if undone is not None:
        engine.write_parquet(undone, folder / UNDONE)
    return {"unreadable": unreadable, "rejected": 0, "rejected_why": [], "unread_attributes": "", "remarks": remarks}


def _without_user(events: Table) -> list[str]:
    """A remark where some are, which no user's history holds."""
    without = totals(events, {"n": events[schema.USER_ID].isnull().sum()})["n"]
    return [f"{without:,} events have no user: they are in no user's history"] if without else []


def _from_source(con: Backend, material: Material, folder: Path, work: Path) -> dict[str, Any]:
    choice, unread = material.source, ""
    if material.kind == "sequences":
        choice, unread = sequence_files.without_bad_attributes(choice)
    source = choice.open()
    raw, landed = work / "data", work / "landed"
    raw.mkdir()
    landed.mkdir()
    own = sequence_files.own_name(choice) if material.kind == "sequences" else str
    try:
        source.ingest(raw)
        landed = source.land(raw, landed)
    except DataError as e:
        raise DataError(own(str(e))) from None
    given = source.tables(con, landed)
    seen = []
    if material.kind == "sequences":
        seen = sequence_files.remarks(given[schema.INTERACTIONS_TABLE], choice.params["files"])
    given, unreadable, why = _readable(con, protection(Path(), choice).apply(given))
    cleaned = policy.clean_tables(given, policy.chosen(_cleaning(material)), Work(con.create_table, work / "fitted"))
    for name in (schema.INTERACTIONS_TABLE, schema.ITEMS_TABLE):
        engine.write_parquet(cleaned.tables[name], folder / f"{name}.parquet")
    if cleaned.undone is not None:
        engine.write_parquet(cleaned.undone, folder / UNDONE)
    told = [read_json(file) for file in sorted(landed.glob("*.landed.json"))]
    effects = [f"{e.count:,} {e.words}" for e in cleaned.effects if e.table == schema.INTERACTIONS_TABLE and e.count]
    return {
        "rejected": sum(t["rejected"] for t in told),
        "rejected_why": list(map(own, rejections(landed))),
        "unreadable": unreadable,
        "unreadable_why": list(map(own, why)),
        "unread_attributes": unread,
        "remarks": [*(own(remark) for t in told for remark in t["remarks"]), *seen, *effects, *filter(None, [unread])],
    }


def rejections(landed: Path) -> list[str]:
    """Why lines are no rows, by file and reason, most frequent first: where the first stands, how many more."""
    import pyarrow.parquet as pq

    keys, row = [schema.SOURCE_FILE, "reason"], schema.SOURCE_ROW
    found = []
    for file in sorted(landed.glob("*.rejected.parquet")):
        counted = pq.read_table(file, columns=[*keys, row]).group_by(keys).aggregate([(row, "count"), (row, "min")])
        found += counted.select([f"{row}_count", f"{row}_min", *keys]).to_pylist()
    return _most_frequent([tuple(of.values()) for of in found])


def _most_frequent(found: list[tuple[int, int, str, str]]) -> list[str]:
    """What is wrong with rows, most frequent first, in words; found: how many, the first one's line, its file, why."""
    most = sorted(found, key=lambda each: (-each[0], *each[1:]))[:NAMED]
    return [f"{file}, line {at:,}{f' and {n - 1:,} more' if n > 1 else ''}: {why}" for n, at, file, why in most]


def _cleaning(material: Material) -> CleanConfig:
    if material.kind == "sequences":
        return CleanConfig(cleaners=dict.fromkeys(NO_CLEANING, False))
    return parse(CleanConfig, material.params.get("clean"), f"{material.path}: clean")


def _readable(con: Backend, tables: dict[str, Table]) -> tuple[dict[str, Table], int, list[str]]:
    """The tables without rows that could not be read or lack an id or a time; how many interactions those were; why."""
    kept, unreadable, why = {}, 0, []
    for name, table in tables.items():
        needed = [column for column in schema.REQUIRED[name] if column != schema.USER_ID]
        good = table.filter([table[column].notnull() for column in needed]) if needed else table
        good = good.filter(good[schema.PROBLEM].isnull()) if schema.PROBLEM in table.columns else good
        if name == schema.INTERACTIONS_TABLE:
            table, good = (con.create_table(f"{name}_{part}", t) for part, t in (("given", table), ("readable", good)))
            unreadable = totals(table, {"n": table.count()})["n"] - totals(good, {"n": good.count()})["n"]
            why = _why(table, needed) if unreadable and set(schema.TRACE) <= set(table.columns) else []
        kept[name] = good
    return kept, unreadable, why


def _why(events: Table, needed: list[str]) -> list[str]:
    """Why events are left out, most frequent first, with the place of the first one; where there are files to name."""
    import ibis

    lacking = ibis.or_(*(events[column].isnull() for column in needed))
    said = events.mutate(why=ibis.coalesce(events[schema.PROBLEM], lacking.ifelse("an id or a time is missing", None)))
    said = said.filter(said.why.notnull()).group_by([schema.SOURCE_FILE, "why"])
    found = said.agg(n=lambda t: t.count(), first=lambda t: t[schema.SOURCE_ROW].min()).to_pyarrow().to_pylist()
    return _most_frequent([(each["n"], each["first"], each[schema.SOURCE_FILE], each["why"]) for each in found])
