"""What a source would read: a look at the first rows of each raw table's first and last file, before anything runs."""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import schema
from components.data import engine, file_columns
from components.data.landing import FileFormat, Limits
from components.data.landing.csv_table import find_layout
from components.data.landing.encoding import find_encoding
from components.data.landing.formats import CSV, EXCEL, PARQUET, format_of
from components.data.landing.land import members
from components.data.mapped_source import MappedSource, Part
from components.data.source import Source

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend
    from ibis.expr.operations import Relation

SHOWN_ROWS, SHOWN_EXAMPLES = 3, 3
HINTING = 500  # different words by which a hint is judged
NAMED = re.compile(r"(?:^|; )(\w+): ")  # where a problem names its column


@dataclass(frozen=True)
class RawFound:
    """One raw table: its files, how they are written, what was read of them, and which of its columns serve.

    reasons  why lines are no rows, with the place of the first of each kind
    """

    name: str
    files: list[str]
    written: str
    rows: int
    rejected: int
    mapped: list[str]
    unmapped: list[str]
    remarks: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableFound:
    """One canonical table as the sampled rows would become it.

    unread    required columns that no row gives a value of: the mapping does not fit
    problems  column → how many rows cannot be read, and the different words on them, the first HINTING of them
    """

    name: str
    rows: int
    given: list[str]
    absent: list[str]
    unread: list[str]
    examples: list[dict[str, Any]]
    problems: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    span: tuple[str, str] | None = None


@dataclass(frozen=True)
class Findings:
    """All that was found; `faults` are what the run would stop at."""

    raw: list[RawFound]
    tables: list[TableFound]
    faults: tuple[str, ...] = ()

    @property
    def unread(self) -> list[str]:
        """Required columns without a single value, as table.column."""
        return [f"{table.name}.{column}" for table in self.tables for column in table.unread]


def look(source: Source, rows: int) -> Findings:
    """Land and map the first rows of every raw table of a source; what it copies goes to a temporary folder.

    rows    looked at in the first and in the last file of each table; in the others, only which columns they have
    Raises  DataError on files that are missing or cannot be read, and on columns that are not there.
    """
    with tempfile.TemporaryDirectory(prefix="shoploop-look-") as folder:
        work = Path(folder) / "landed"
        work.mkdir()
        con = engine.connect()
        try:
            landed, tables, faults = source.sample(work, rows), source.tables(con, work), []
            if isinstance(source, MappedSource):
                found = _landed(con, work, list(landed))
                parts = source.parts(found)
                used = _used(parts, found)
                raw = [_raw(con, source, name, work, used[name], landed[name]) for name in landed]
                unlike = source.unlike(Path(folder) / "columns", rows)
                faults = file_columns.faults(unlike, source.needed(found))
            else:
                raw = _typed(con, source, work, landed)
            return Findings(raw, [_table(con, name, table) for name, table in tables.items()], tuple(faults))
        finally:
            con.disconnect()


def _landed(con: Backend, work: Path, names: list[str]) -> dict[str, Table]:
    return {name: engine.read_parquet(con, work / f"{name}.parquet") for name in names}


def _used(parts: list[Part], raw: dict[str, Table]) -> dict[str, set[str]]:
    """By raw table, the columns that serve, also those of which a source makes others before they are mapped."""
    names = {table.op(): name for name, table in raw.items()}
    used: dict[str, set[str]] = {name: set() for name in raw}
    for part in parts:
        rows = (raw[part.raw] if part.rows is None else part.rows).op()
        mapped = set(part.mapping.raw_columns()) & set(rows.schema.names)
        origins = [_origins(rows, column) for column in mapped]
        origins += [_origins(rel, name) for rel, name in _joined_on(rows)]
        for relation, name in set().union(*origins):
            used[names[relation]].add(name)
    return used


def _origins(relation: Relation, column: str) -> set[tuple[Relation, str]]:
    """The columns of physical tables of which a column is made."""
    import ibis.expr.operations as ops

    if isinstance(relation, ops.PhysicalTable):
        return {(relation, column)}
    fields = relation.values[column].find(ops.Field, filter=ops.Value)
    return {origin for field in fields for origin in _origins(field.rel, field.name)}


def _joined_on(rows: Relation) -> set[tuple[Relation, str]]:
    """The columns by which tables are joined on the way to these rows."""
    import ibis.expr.operations as ops

    keys = [key for link in rows.find(ops.JoinLink) for key in link.predicates]
    return {(field.rel, field.name) for key in keys for field in key.find(ops.Field, filter=ops.Value)}


def _raw(con: Backend, source: MappedSource, name: str, work: Path, used: set[str], landed: Any) -> RawFound:
    found = [c for c in engine.read_parquet(con, work / f"{name}.parquet").columns if c not in schema.TRACE]
    declared = source.raw_tables()[name]
    paths = [file for file, _ in source.found()[name]] if declared.files else []
    files = [str(path) for path in paths] or list(landed.accounts)
    written = written_as(paths[0], declared.format, source.limits, work) if paths else "exported from the database"
    mapped, unmapped = [c for c in found if c in used], [c for c in found if c not in used]
    why = _reasons(con, landed)
    return RawFound(name, files, written, landed.rows, landed.rejected, mapped, unmapped, landed.remarks, why)


def _reasons(con: Backend, landed: Any) -> tuple[str, ...]:
    """Why lines are no rows, the most frequent reasons first, each with the first line it is true of."""
    if not landed.rejected:
        return ()
    lines = engine.read_parquet(con, landed.rejected_path)
    first = {"file": lines[schema.SOURCE_FILE].min(), "row": lines[schema.SOURCE_ROW].min()}
    by_reason = lines.group_by("reason").agg(n=lines.count(), **first)
    told = by_reason.order_by(by_reason.n.desc(), "reason").limit(SHOWN_EXAMPLES).to_pyarrow().to_pylist()
    return tuple(f"{line['n']:,}: {line['reason']} (as {line['file']}, line {line['row']})" for line in told)


def written_as(path: Path, declared: FileFormat, limits: Limits, work: Path) -> str:
    """How a file is written, as declared or found: "csv, encoding utf-8, cut by ';'"."""
    member = next(members([path], path.parent, declared, limits, work))
    kind = format_of(member.name, declared)
    if kind == CSV:
        found = find_layout(member, declared, limits)
        cut = found.long_delimiter or found.dialect.delimiter
        return f"{kind}, encoding {found.encoding.name}, cut by {cut!r}"
    if kind in (EXCEL, PARQUET):
        return kind
    return f"{kind}, encoding {find_encoding(member, declared.encoding).name}"


def _typed(con: Backend, source: Source, work: Path, landed: dict[str, int]) -> list[RawFound]:
    """The raw tables of a source with a reader of its own: its declared columns are what it reads."""
    raw = []
    for name, rows in landed.items():
        file, columns = work / f"{name}.parquet", list(source.raw[name])
        found = engine.read_parquet(con, file).columns
        raw.append(RawFound(name, [file.name], PARQUET, rows, 0, columns, [c for c in found if c not in columns]))
    return raw


def _table(con: Backend, name: str, table: Table) -> TableFound:
    rows = con.create_table(f"look_{name}", table)
    given = [c for c in schema.COLUMNS[name] if c in rows.columns]
    facts = rows.aggregate(rows=rows.count(), **{c: rows[c].count() for c in given}).to_pyarrow().to_pylist()[0]
    needed = [c for c in schema.REQUIRED[name] if c != schema.USER_ID or schema.SESSION_ID not in given]
    return TableFound(
        name=name,
        rows=facts["rows"],
        given=given,
        absent=[c for c in schema.COLUMNS[name] if c not in given],
        unread=[c for c in needed if facts["rows"] and not facts.get(c)],
        examples=rows.select(given).limit(SHOWN_ROWS).to_pyarrow().to_pylist(),
        problems=_problems(rows),
        events=_counts(rows, schema.EVENT_TYPE),
        span=_span(rows, given),
    )


def _problems(rows: Table) -> dict[str, tuple[int, list[str]]]:
    if schema.PROBLEM not in rows.columns:
        return {}
    told = rows.filter(rows[schema.PROBLEM].notnull()).select(schema.PROBLEM).to_pyarrow()[schema.PROBLEM].to_pylist()
    counted: Counter[str] = Counter()
    examples: dict[str, list[str]] = defaultdict(list)
    for words in told:
        starts = [*NAMED.finditer(words)]
        for start, end in zip(starts, [*(s.start() for s in starts[1:]), len(words)], strict=True):
            counted[start.group(1)] += 1
            examples[start.group(1)].append(words[start.end() : end])
    return {c: (n, list(dict.fromkeys(examples[c]))[:HINTING]) for c, n in counted.most_common()}


def _counts(rows: Table, column: str) -> dict[str, int]:
    if column not in rows.columns:
        return {}
    found = rows.group_by(column).agg(n=rows.count()).order_by(column).to_pyarrow().to_pylist()
    return {row[column] or "none": row["n"] for row in found}


def _span(rows: Table, given: list[str]) -> tuple[str, str] | None:
    if schema.TIMESTAMP not in given:
        return None
    time = rows[schema.TIMESTAMP]
    (ends,) = rows.aggregate(first=time.min(), last=time.max()).to_pyarrow().to_pylist()
    return None if ends["first"] is None else (f"{ends['first']:%Y-%m-%d %H:%M}", f"{ends['last']:%Y-%m-%d %H:%M}")
