"""The workspace: one DuckDB file in which the source's tables stand side by side to be judged, then sorted out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import DataError
from components.data.handover import Handover
from components.data.protection import Protection
from components.data.source import Source
from components.quality.judge import ROW
from components.quality.rules import USER_IS_LISTED
from components.quality.suites import QUARANTINE, RAW_PREFIX, Suite
from components.quality.verdict import Verdict

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend
    from ibis.expr.types import StringColumn

    from components.quality.file_tables import FileTable

RULE, REASON = "rule", "reason"
IS_LISTED = "item_is_listed"  # made here for the rules on how tables fit together
CHECK_COLUMNS = (ROW, IS_LISTED, USER_IS_LISTED)


def stage(
    con: Backend,
    source: Source,
    folder: Path,
    suites: Iterable[Suite],
    protection: Protection,
    tables: Mapping[str, Table],
    files: Mapping[str, FileTable],
    handover: Handover,
) -> list[str]:
    """Lay out the tables that the suites judge, persons protected; returns the names of the canonical ones.

    tables  the source's canonical tables (components/data/canonical.py)
    files   those of them whose rows were read and protected before; they are views
    handover  keeps the tables with `row` as the engine of params.yaml sees them; it finds the ids that are not listed
    Canonical tables get `row`, their position, and, where they name items, `item_is_listed`; exposures also
    `user_is_listed` where the source gives users (missing where nobody is named).
    Raises DataError if a canonical table has no suite, or a suite of the source's own has no table.
    """
    tables = protection.apply(tables)
    raw = {RAW_PREFIX + name: Path(folder) / f"{name}.parquet" for name in source.raw}
    judged = {suite.table for suite in suites if suite.table in tables or not suite.shared}
    if set(tables) - judged or judged - set(tables) - set(raw):
        raise DataError(
            f"validate: source {source.component()} gives {_words(tables)} and {_words(raw)}, the suites in "
            f"expectations/ judge {_words(judged)}; every canonical table needs one suite, and every suite a table."
        )
    rows = {name: _laid_out(con, name, table, files.get(name)) for name, table in tables.items()}
    seen = {name: handover.seen(name, table) for name, table in rows.items()}
    unknown = {mark: handover.brought(con, "_".join(mark), ids) for mark, ids in unlisted(seen).items()}
    for name, table in rows.items():
        con.create_view(name, with_checks(name, table, unknown))
    for name in judged & set(raw):
        con.raw_sql(f"CREATE VIEW {name} AS SELECT * FROM {_scan(raw[name])}")  # noqa: S608 – our own names
    return list(rows)


def _laid_out(con: Backend, name: str, table: Table, files: FileTable | None) -> Table:
    """The rows of one canonical table with `row`."""
    if files is not None:
        return files.lay_out(con, table)
    check_columns(name, table)
    return con.create_table(f"rows_{name}", numbered(table))


def bad_rows(con: Backend, name: str, verdicts: Iterable[Verdict]) -> Table | None:
    """`row`, rule and reason of every row of a table that a quarantine rule condemns; None if there is none.

    The rows come from Great Expectations' own query, and their number must be the one it counted.
    Raises DataError if they differ.
    """
    found = []
    for v in verdicts:
        if v.table != name or v.follows != QUARANTINE:
            continue
        view = f"broken_{name}_{v.rule}"
        con.raw_sql(f'CREATE VIEW "{view}" AS {v.query}')  # Ibis 12 cannot take SQL as a table from DuckDB 2
        rows = con.table(view).select(ROW)
        count = rows.count().execute()
        if count != v.unexpected:
            raise DataError(
                f"validate: {name}: rule '{v.rule}' counted {v.unexpected:,} bad rows, but its query finds {count:,}; "
                "nothing was written. Check the versions of great-expectations and duckdb against requirements.lock."
            )
        found.append(rows.mutate(**{RULE: _text(v.rule), REASON: _text(v.why)}))
    return con.create_table(f"bad_{name}", _union(found)) if found else None


def accepted(table: Table, bad: Table | None) -> Table:
    """A canonical table without the condemned rows; `row` is still there."""
    return table if bad is None else table.anti_join(bad, ROW)


def plain(table: Table) -> Table:
    """The table without the check columns."""
    return table.drop(*[c for c in CHECK_COLUMNS if c in table.columns])


def numbered(table: Table) -> Table:
    """The table with `row`, the position of each row from 1."""
    import ibis

    return table.mutate(**{ROW: ibis.row_number() + 1}).relocate(ROW)


def check_columns(name: str, table: Table) -> None:
    """A source that gives other columns than the canonical ones is wrong itself: that is no matter of its rows."""
    lacking = [c for c in schema.REQUIRED[name] if c not in table.columns]
    strange = [c for c in table.columns if c not in (*schema.COLUMNS[name], *schema.TRACE)]
    if lacking or strange:
        raise DataError(
            f"validate: {name}: the source gives {_words(table.columns)}; missing: {_words(lacking)}, "
            f"not canonical: {_words(strange)}. Correct the source; components/core/schema.py lists the columns."
        )


def unlisted(tables: Mapping[str, Table]) -> dict[tuple[str, str], Table]:
    """The ids that are not listed, by canonical table and check column, for the tables that `stage` names."""
    found = {}
    for name, table in tables.items():
        if name != schema.ITEMS_TABLE and schema.ITEM_ID in table.columns:
            found[name, IS_LISTED] = _not_among(table, tables[schema.ITEMS_TABLE], schema.ITEM_ID)
        if name == schema.EXPOSURES_TABLE and schema.USER_ID in table.columns and schema.USERS_TABLE in tables:
            found[name, USER_IS_LISTED] = _not_among(table, tables[schema.USERS_TABLE], schema.USER_ID)
    return found


def with_checks(name: str, table: Table, unknown: Mapping[tuple[str, str], Table]) -> Table:
    """The canonical table with the columns that say how it fits to the others; `unknown` as `unlisted` tells."""
    made = {}
    if (name, IS_LISTED) in unknown:
        item = table[schema.ITEM_ID]
        made[IS_LISTED] = item.notnull() & ~item.isin(_ids(unknown[name, IS_LISTED]))
    if (name, USER_IS_LISTED) in unknown:
        user = table[schema.USER_ID]
        made[USER_IS_LISTED] = user.isnull().ifelse(None, ~user.isin(_ids(unknown[name, USER_IS_LISTED])))
    return table.mutate(**made)


def _not_among(table: Table, listed: Table, column: str) -> Table:
    ids = table.select(column).distinct()
    return ids.filter(ids[column].notnull()).anti_join(listed.select(column), column)


def _ids(table: Table) -> StringColumn:
    return table[table.columns[0]]


def _scan(path: Path) -> str:
    """DuckDB's words for a parquet file, or a folder of them."""
    name = str(path / "*.parquet" if path.is_dir() else path).replace("'", "''")
    return f"read_parquet('{name}', can_have_nan = true, union_by_name = {'true' if path.is_dir() else 'false'})"


def _union(tables: list[Table]) -> Table:
    import ibis

    return ibis.union(*tables) if len(tables) > 1 else tables[0]


def _text(value: str):
    import ibis

    return ibis.literal(value)


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
