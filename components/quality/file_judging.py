"""New raw files judged by the row rules of their tables, all together, and kept as one part each.

A part holds, for every canonical table of files, <table>.accepted.parquet, and where rows were condemned
<table>.condemned.parquet (each once, with `place` and `original`) and <table>.reasons.parquet (place, rule, reason);
facts.json counts them, and what each rule looked at and found.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import schema
from components.core.bundle import write_json
from components.core.errors import DataError
from components.core.progress import track
from components.data import engine
from components.data.canonical import canonical_tables
from components.data.engine import EngineConfig
from components.data.protection import Protection
from components.data.source import Source
from components.quality import quarantine, row_rules, workspace
from components.quality.file_landing import RawFile, link_landed
from components.quality.judge import ROW, judge
from components.quality.part_store import FACTS, JUDGED, PartStore, key_of
from components.quality.rules import Rule, absent_columns, fitted
from components.quality.suites import Suite
from components.quality.verdict import Verdict
from components.quality.workspace import REASON, RULE

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

PLACE = "place"  # of a condemned row among those of its file
ACCEPTED, CONDEMNED, REASONS = "accepted", "condemned", "reasons"
LABEL, FIRST_ROW, LAST_ROW, ROWS, OLDEST, NEWEST = "label", "first_row", "last_row", "rows", "oldest", "newest"


@dataclass(frozen=True)
class Judging:
    """What the judgement of a file hangs on beside the file.

    suites    row rules of the canonical tables of files
    identity  names the code and the protection of persons
    engine    what maps, and the bounds of DuckDB
    """

    source: Source
    protection: Protection
    suites: Sequence[Suite]
    identity: Any
    engine: EngineConfig

    def key(self, file: RawFile) -> str:
        """Of the part that is made of a file."""
        rules = {suite.table: suite.expectations for suite in self.suites}
        people = sorted((key.fingerprint, sorted(people)) for key, people in self.protection.forgotten.items())
        pseudonyms = self.protection.key.fingerprint if self.protection.key else None
        return key_of(file.key, rules, people, pseudonyms, self.identity)


def part_file(part: Path, table: str, kind: str) -> Path:
    """Where a part keeps rows of a canonical table."""
    return part / f"{table}.{kind}.parquet"


def judged(judging: Judging, files: Sequence[RawFile], store: PartStore, work: Path) -> tuple[list[Path], int]:
    """The parts of all files, in their order, and how many of them had to be made.

    work  an empty folder, for what is not kept
    """
    keys = [judging.key(file) for file in files]
    parts = {key: store.find(JUDGED, key) for key in keys}
    new = [(key, file) for key, file in zip(keys, files, strict=True) if parts[key] is None]
    if new:
        parts |= _Batch(judging, new, files, work).judge(store)
    return [parts[key] for key in keys], len(new)


class _Batch:
    """New files, side by side in one DuckDB file."""

    def __init__(self, judging: Judging, new: Sequence[tuple[str, RawFile]], files: Sequence[RawFile], work: Path):
        self.judging, self.new, self.work = judging, new, work
        self.landed = work / "landed"
        link_landed(self.landed, files, [file for _, file in new])
        self.database = work / "new.duckdb"
        self.names: list[str] = []
        self.labels: dict[str, list[dict[str, Any]]] = {}

    def judge(self, store: PartStore) -> dict[str, Path]:
        """The folders of the new parts, by key; in the store, but for parts that a rule could not judge."""
        con = self._connect()
        self._stage(con)
        con.disconnect()  # Great Expectations opens the file itself
        suites = [suite for suite in self.judging.suites if suite.table in self.names and suite.expectations]
        found = judge(suites, self.database, self._settings()) if suites else []
        con = self._connect()
        verdicts = {name: [v for v in found if v.table == name] for name in self.names}
        bad = {name: workspace.bad_rows(con, name, verdicts[name]) for name in self.names}
        aside = {name: None if rows is None else self._aside(con, name, rows) for name, rows in bad.items()}
        for name in self.names:
            self.labels[name] = _counted(con, name, self._suite(name), verdicts[name])
        if any(v.broken and v.evaluated is None for v in found):
            store = PartStore(self.work / "unsure")
        made = {
            key: store.make(JUDGED, key, lambda fresh, file=file: self._fill(con, fresh, file, bad, aside))
            for key, file in track(self.new, "keeping judged files")
        }
        con.disconnect()
        return made

    def _connect(self) -> Backend:
        return engine.connect(*self._limits(), database=self.database)

    def _settings(self) -> dict[str, str]:
        return engine.settings(*self._limits())

    def _limits(self) -> tuple[float, int, Path]:
        return self.judging.engine.memory_limit_gb, self.judging.engine.threads, self.work

    def _suite(self, name: str) -> Suite:
        return next(suite for suite in self.judging.suites if suite.table == name)

    def _stage(self, con: Backend) -> None:
        source = self.judging.source
        others = [name for name in schema.COLUMNS if name not in source.by_file()]
        made = canonical_tables(con, source, self.landed, self.judging.engine, self.work, others)
        tables = self.judging.protection.apply(made)
        for name in source.by_file():
            workspace.check_columns(name, tables[name])
            if not set(schema.TRACE) <= set(tables[name].columns):
                raise DataError(f"validate: {name}: the source makes it file by file, but does not say which file.")
            con.create_table(name, workspace.numbered(tables[name]))
            if int(con.table(name).count().execute()):
                self.names.append(name)

    def _aside(self, con: Backend, name: str, bad: Table) -> Table:
        """The condemned rows, each once, with their original."""
        raw = quarantine.Raw(self.landed)
        rows = con.table(name).semi_join(bad, ROW)
        return con.create_table(f"aside_{name}", quarantine.traced(con, rows, raw))

    def _fill(self, con: Backend, fresh: Path, file: RawFile, bad: dict, aside: dict) -> None:
        facts = {}
        for name in self.names:
            labels = [found for found in self.labels[name] if file.holds(found[LABEL])]
            if labels:
                facts[name] = _write(con, fresh, name, labels, bad[name], aside[name])
        write_json(fresh / FACTS, {"file": file.name, "raw": file.raw, "digest": file.digest, "tables": facts})


def _counted(con: Backend, name: str, suite: Suite, verdicts: Collection[Verdict]) -> list[dict[str, Any]]:
    """By source_file: its rows, and what each rule looked at and found there.

    Raises DataError if that does not add up to what Great Expectations counted.
    """
    import ibis

    table = con.table(name)
    absent = absent_columns(name, suite.expectations, table.columns)
    rules = {rule["meta"]["rule"]: fitted(rule, absent) for rule in suite.expectations}
    asked = {
        f"e{i}": table.count(where=row_rules.evaluated(table, rule)) for i, rule in enumerate(rules.values()) if rule
    }
    if schema.TIMESTAMP in table.columns:
        asked |= {OLDEST: table[schema.TIMESTAMP].min(), NEWEST: table[schema.TIMESTAMP].max()}
    grouped = table.group_by(**{LABEL: table[schema.SOURCE_FILE].fill_null("")}).agg(
        **{ROWS: table.count(), FIRST_ROW: table[ROW].min(), LAST_ROW: table[ROW].max()}, **asked
    )
    found = grouped.order_by(ibis.asc(FIRST_ROW)).to_pyarrow().to_pylist()
    said = {v.rule: v for v in verdicts}
    broken = {rule: _broken_in(con, name, said[rule]) for rule in rules}
    for label in found:
        label["counts"] = {
            rule: _count(said[rule], label[f"e{i}"] or 0, broken[rule].get(label[LABEL], 0)) if fit else None
            for i, (rule, fit) in enumerate(rules.items())
        }
    _check_sums(name, rules, said, found)
    return found


def _count(said: Verdict, evaluated: int, unexpected: int) -> dict[str, Any]:
    could_not = said.broken if said.evaluated is None else ""
    return {
        "evaluated": int(evaluated),
        "unexpected": unexpected,
        "observed": said.observed if unexpected else "",
        "broken": could_not,
    }


def _broken_in(con: Backend, name: str, said: Verdict) -> dict[str, int]:
    """Rows that break a rule, by source_file."""
    if not said.query:
        return {}
    view = f"counted_{name}_{said.rule}"
    con.raw_sql(f'CREATE VIEW "{view}" AS {said.query}')
    rows = con.table(name).semi_join(con.table(view).select(ROW), ROW)
    grouped = rows.group_by(**{LABEL: rows[schema.SOURCE_FILE].fill_null("")}).agg(n=rows.count())
    return {row[LABEL]: row["n"] for row in grouped.to_pyarrow().to_pylist()}


def _check_sums(name: str, rules: dict[str, Rule | None], said: dict[str, Verdict], found: list[dict]) -> None:
    for rule, fit in rules.items():
        if fit is None or said[rule].evaluated is None:
            continue
        sums = [sum(label["counts"][rule][kind] for label in found) for kind in ("evaluated", "unexpected")]
        if sums != [said[rule].evaluated, said[rule].unexpected]:
            raise DataError(
                f"validate: {name}: rule '{rule}' looked at {said[rule].evaluated:,} rows and found "
                f"{said[rule].unexpected:,} bad ones, but by file they are {sums[0]:,} and {sums[1]:,}; nothing was "
                "written. Check the versions of great-expectations and duckdb against requirements.lock."
            )


def _write(
    con: Backend, fresh: Path, name: str, labels: list[dict[str, Any]], bad: Table | None, aside: Table | None
) -> dict[str, Any]:
    """Write the rows of one file; returns its facts."""
    here = _of_file(con.table(name), labels)
    kept = here if bad is None else here.anti_join(bad, ROW)
    rows = sum(label[ROWS] for label in labels)
    accepted = engine.write_parquet(kept.drop(ROW), part_file(fresh, name, ACCEPTED))
    condemned = 0 if aside is None else _write_condemned(fresh, name, _of_file(aside, labels), bad)
    if accepted + condemned != rows:
        raise DataError(f"validate: {name}: {rows:,} rows read, {accepted:,} accepted, {condemned:,} set aside.")
    times = {kind: _span(kind, labels) for kind in (OLDEST, NEWEST)}
    counts = {rule: _sum([label["counts"][rule] for label in labels]) for rule in labels[0]["counts"]}
    return {ROWS: rows, ACCEPTED: accepted, CONDEMNED: condemned, "counts": counts, **times}


def _write_condemned(fresh: Path, name: str, rows: Table, bad: Table) -> int:
    import ibis

    placed = rows.mutate(**{PLACE: ibis.row_number().over(order_by=ROW) + 1})
    n = engine.write_parquet(placed.drop(ROW), part_file(fresh, name, CONDEMNED))
    if not n:
        part_file(fresh, name, CONDEMNED).unlink()
        return 0
    reasons = placed.select(ROW, PLACE).inner_join(bad, ROW).select(PLACE, RULE, REASON)
    engine.write_parquet(reasons, part_file(fresh, name, REASONS))
    return n


def _of_file(table: Table, labels: list[dict[str, Any]]) -> Table:
    """The rows of some labels; the bounds on `row` let the engine pass by the rest of the table."""
    low, high = min(label[FIRST_ROW] for label in labels), max(label[LAST_ROW] for label in labels)
    source_file = table[schema.SOURCE_FILE].fill_null("")
    return table.filter(table[ROW].between(low, high), source_file.isin([label[LABEL] for label in labels]))


def _span(kind: str, labels: list[dict[str, Any]]) -> str | None:
    times = [label[kind] for label in labels if label.get(kind) is not None]
    if not times:
        return None
    return (min if kind == OLDEST else max)(times).isoformat(sep=" ")


def _sum(counts: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    given = [count for count in counts if count is not None]
    if not given:
        return None
    words = {kind: next((c[kind] for c in given if c[kind]), "") for kind in ("observed", "broken")}
    return words | {kind: sum(c[kind] for c in given) for kind in ("evaluated", "unexpected")}
