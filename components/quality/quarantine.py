"""The quarantine: every rejected row as it was, with the rule that rejected it and the reason.

artifacts/quarantine/<table>.parquet         rows of a canonical table, one line per row and broken rule: the table's
                                             columns, and NOTES
artifacts/quarantine/<raw>.rejected.parquet  lines of a raw table that were no rows at all: table, source_file,
                                             source_row, original, rule, reason

rules.json                                   the rules that the rows were judged by, and what else that hangs on

`original` is the raw row as JSON text; where a row is made of several raw ones, it is the canonical row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.bundle import write_json
from components.core.errors import DataError
from components.data import engine
from components.quality.judge import ROW
from components.quality.rules import Rule
from components.quality.suites import Suite
from components.quality.workspace import CHECK_COLUMNS, REASON, RULE

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend
    from ibis.expr.types import BooleanValue, StringValue, Value

TABLE, ORIGINAL = "table", "original"
NOTES = (ROW, TABLE, RULE, REASON, schema.SOURCE_FILE, schema.SOURCE_ROW, ORIGINAL)
REJECTED = ".rejected"
RULES = "rules.json"
PRESENT = "_present"  # how the name of a rule ends that a column is never missing
READABLE = "readable"  # the rule that a row has no `problem`
WHERE = [schema.SOURCE_FILE, schema.SOURCE_ROW]


@dataclass(frozen=True)
class Raw:
    """Where the original rows of a canonical table are found.

    folder  the landed files, whose rows carry source_file and source_row; those files that do not are passed by
    name    the raw table whose n-th row made the n-th canonical row, for sources that land no such columns
    """

    folder: Path
    name: str | None = None


def condemned(con: Backend, name: str, bad: Table, raw: Raw) -> Table:
    """The condemned rows of a staged table as they were, one per row and rule, with NOTES.

    bad  `row`, rule and reason, as workspace.bad_rows gives them
    """
    table = con.table(name)
    rows = table.drop(*[c for c in CHECK_COLUMNS if c != ROW and c in table.columns]).semi_join(bad, ROW)
    kept = con.create_table(f"condemned_{name}", traced(con, rows, raw))
    return told(kept.inner_join(bad, ROW), name)


def write_rules(folder: Path, data: str, identity: str, suites: Iterable[Suite]) -> None:
    """Note beside the rows which rules they were judged by, on which data, and what else that hangs on."""
    said = {"data": data, "identity": identity, "rules": {suite.table: plain_rules(suite) for suite in suites}}
    write_json(folder / RULES, said)


def plain_rules(suite: Suite) -> list[Rule]:
    """The rules as JSON gives them back; times are text."""
    return json.loads(json.dumps(suite.expectations, default=str))


def told(rows: Table, name: str) -> Table:
    """Rows with rule and reason as the quarantine keeps them; an unreadable row's reason is its own `problem`.

    A value that could not be read is missing, too: that is told once, by the rule `readable`.
    """
    import ibis

    reason = rows[REASON]
    if schema.PROBLEM in rows.columns:
        rows = rows.filter(~_told_already(rows, name))
        reason = (rows[RULE] == READABLE).ifelse(rows[schema.PROBLEM].coalesce(reason), reason)
    found = rows.mutate(**{REASON: reason, TABLE: ibis.literal(name)})
    first = [c for c in (*schema.COLUMNS[name], schema.PROBLEM, schema.CHANGED) if c in found.columns]
    return found.select(*first, *NOTES)


def _told_already(rows: Table, name: str) -> BooleanValue:
    """Whether a row is noted as missing a value that its rule `readable` says could not be read."""
    import ibis

    unreadable = rows.filter(rows[RULE] == READABLE)[ROW]
    repeats = [
        (rows[RULE] == f"{c}{PRESENT}") & (ibis.literal("; ") + rows[schema.PROBLEM]).contains(f"; {c}: ")
        for c in schema.COLUMNS[name]
        if c in rows.columns
    ]
    return rows[ROW].isin(unreadable) & ibis.or_(*repeats).fill_null(False)


def as_json(table: Table, columns: Iterable[str]) -> StringValue:
    """Columns of a row as one JSON object; what is no number (NaN, infinity) is text, for JSON has no word for it."""
    import ibis
    import ibis.expr.datatypes as dt

    fields = ibis.struct({c: _json(table[c]) for c in columns})
    to_json = ibis.udf.scalar.builtin(lambda _row: None, name="to_json", signature=((fields.type(),), dt.string))
    return to_json(fields)


def originals(con: Backend, wanted: Table, folder: Path) -> Table | None:
    """source_file, source_row and the original of the wanted rows, from the landed files; None if none has them.

    wanted  has source_file and source_row; several landed rows of one line are given one below the other
    """
    import ibis

    keys = wanted.select(*WHERE).distinct()
    found = []
    for path in sorted(Path(folder).glob("*.parquet")):
        if path.stem.endswith(REJECTED):
            continue
        landed = engine.read_parquet(con, path)
        if set(WHERE) <= set(landed.columns):
            rows = landed.semi_join(keys, WHERE)
            text = as_json(rows, [c for c in rows.columns if c not in WHERE])
            found.append(rows.select(*WHERE, **{ORIGINAL: text}))
    if not found:
        return None
    lines = ibis.union(*found) if len(found) > 1 else found[0]
    return lines.group_by(WHERE).agg(**{ORIGINAL: lines[ORIGINAL].group_concat("\n", order_by=lines[ORIGINAL])})


def write_rejected(con: Backend, files: Mapping[str, Iterable[Path]], folder: Path) -> None:
    """Keep the landed lines that were no rows at all, by raw table, beside the rejected rows."""
    import ibis

    for name, paths in files.items():
        lines = [engine.read_parquet(con, path) for path in paths]
        if lines:
            rows = (ibis.union(*lines) if len(lines) > 1 else lines[0]).mutate(**{TABLE: ibis.literal(name)})
            engine.write_parquet(rows.relocate(TABLE), folder / f"{name}{REJECTED}.parquet")


def traced(con: Backend, rows: Table, raw: Raw) -> Table:
    """Canonical rows with `row`, and with source_file, source_row and original added."""
    import ibis

    canonical = as_json(rows, [c for c in rows.columns if c not in (ROW, *schema.TRACE)])
    if schema.SOURCE_FILE in rows.columns:
        found = originals(con, rows, raw.folder)
        if found is not None:
            joined = rows.left_join(found, WHERE).drop(*[f"{c}_right" for c in WHERE])
            return joined.mutate(**{ORIGINAL: joined[ORIGINAL].coalesce(canonical_of(joined))})
        return rows.mutate(**{ORIGINAL: canonical})
    if raw.name is None:
        nowhere = {schema.SOURCE_FILE: ibis.null("string"), schema.SOURCE_ROW: ibis.null("int64")}
        return rows.mutate(**nowhere, **{ORIGINAL: canonical})
    return _numbered(con, rows, raw)


def canonical_of(rows: Table) -> StringValue:
    """A canonical row as JSON."""
    return as_json(rows, [c for c in rows.columns if c in {n for names in schema.COLUMNS.values() for n in names}])


def _numbered(con: Backend, rows: Table, raw: Raw) -> Table:
    """Rows with the raw rows of the same number."""
    import ibis

    file = raw.folder / f"{raw.name}.parquet"
    path = str(file).replace("'", "''")
    view = f"original_{raw.name}"
    con.raw_sql(
        f'CREATE VIEW "{view}" AS SELECT file_row_number + 1 AS "{ROW}_there", * '  # noqa: S608 - a name of ours
        f"FROM read_parquet('{path}', file_row_number = true, can_have_nan = true)"
    )
    lines = con.table(view).drop("file_row_number")
    text = as_json(lines, [c for c in lines.columns if c != f"{ROW}_there"])
    lines = lines.select(f"{ROW}_there", **{ORIGINAL: text})
    found = rows.left_join(lines, [rows[ROW] == lines[f"{ROW}_there"]])
    if int(found.filter(found[ORIGINAL].isnull()).count().execute()):
        raise DataError(f"validate: {file} has fewer rows than the table that is made of it; a fault of the source.")
    where = {schema.SOURCE_FILE: ibis.literal(file.name), schema.SOURCE_ROW: found[ROW]}
    return found.drop(f"{ROW}_there").mutate(**where)


def _json(column: Value) -> Value:
    import ibis
    import ibis.expr.datatypes as dt

    if not column.type().is_floating():
        return column

    def json(value: Value) -> Value:
        to_json = ibis.udf.scalar.builtin(lambda _v: None, name="to_json", signature=((value.type(),), dt.json))
        return to_json(value)

    return (column.isnan() | column.isinf()).ifelse(json(column.cast("string")), json(column))
