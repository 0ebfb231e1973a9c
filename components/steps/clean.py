"""clean: accepted tables → canonical clean tables, every effect counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core import layout, schema
from components.core.bundle import replacing, write_json
from components.core.errors import DataError
from components.data import engine, parts, policy, reference, undone
from components.data.cleaner import Work, row_count
from components.data.policy import CleanConfig
from components.quality.refusal import refusal
from components.steps.cleaning_page import cleaning_page, spreads
from components.steps.result import StepResult

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends import BaseBackend

__all__ = ["CleanConfig", "clean"]

COUNTS = "counts.json"
POLICY = "policy.json"  # which cleaners ran, their versions and options
REPORT = "report.html"
FITTED = "fitted"  # what cleaners learned, as bundles
NEEDED = (schema.INTERACTIONS_TABLE, schema.ITEMS_TABLE)
# Later steps read these of every shop; where the shop has none they are empty.
EXPECTED = (schema.USERS_TABLE, schema.PROMOTIONS_TABLE)


def clean(config: CleanConfig, root: Path, seed: int) -> StepResult:
    """Write the canonical tables that every later step reads, and what was done to them.

    Reads   validated/<table>.parquet or validated/<table>/*.parquet, the same for items in quarantine/
    Writes  clean/<table>.parquet, clean/{counts,policy}.json, clean/report.html; where cancellations undid purchases
            also clean/undone.parquet, where cleaners took statistics clean/reference.json and clean/fitted/
    Raises  ConfigError on an unknown cleaner or option, DataError if a table is missing or no interaction is left.
    """
    cleaners = policy.chosen(config)
    con = config.engine.open()
    _check_accepted(root / layout.QUARANTINE)
    given = _read(con, root / layout.VALIDATED)
    with replacing(root / layout.CLEAN) as fresh:
        work = Work(con.create_table, fresh / FITTED, _aside(con, root / layout.QUARANTINE))
        work.reference_share = config.reference_share
        result = policy.clean_tables(given, cleaners, work)
        rows = {name: engine.write_parquet(table, fresh / f"{name}.parquet") for name, table in result.tables.items()}
        _check_left(rows, result)
        _write_report(con, fresh, given, result, rows, work)
        rows |= {name: _write_empty(name, fresh) for name in EXPECTED if name not in rows}
        counts = result.counts | {f"{name}_rows": n for name, n in rows.items()}
        write_json(fresh / COUNTS, counts)
        write_json(fresh / POLICY, policy.described(cleaners))
        if result.undone is not None:
            engine.write_parquet(result.undone, fresh / undone.UNDONE)
        if work.used_reference is not None:
            reference.write_reference(fresh, work.used_reference)
    con.disconnect()
    artifacts = tuple(root / layout.CLEAN / name for name in (REPORT, COUNTS, POLICY))
    versions = {"cleaners": ", ".join(f"{c.component()} {c.version}" for c in cleaners)}
    return StepResult(_summary(result, counts), metrics=dict(counts), artifacts=artifacts, tags=versions)


def _check_accepted(folder: Path) -> None:
    """What validate last judged is what validated/ holds."""
    reasons = refusal(folder)
    if reasons:
        raise DataError(f"clean: validate refused the data last judged ({reasons[0]}); mend that and run it again.")


def _read(con: BaseBackend, folder: Path) -> dict[str, Table]:
    names = parts.table_names(folder)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise DataError(f"{folder}: {', '.join(missing)} not found; run the validate step first.")
    return {name: parts.read_table(con, folder, name) for name in names if name in schema.COLUMNS}


def _aside(con: BaseBackend, folder: Path) -> Table | None:
    """The quarantined items, or None."""
    if schema.ITEMS_TABLE not in parts.table_names(folder):
        return None
    return parts.read_table(con, folder, schema.ITEMS_TABLE)


def _write_report(
    con: BaseBackend, folder: Path, given: dict[str, Table], result: policy.Result, rows: dict[str, int], work: Work
) -> None:
    """The page; the clean tables are read back from their files, so that nothing is computed twice."""
    written = {name: engine.read_parquet(con, folder / f"{name}.parquet") for name in rows}
    counted = {name: (row_count(given[name]), rows[name]) for name in given}
    before, after = spreads(given), spreads(written)
    cleaning_page(result, counted, before, after, work.used_reference).write(folder / REPORT)


def _check_left(rows: dict[str, int], result: policy.Result) -> None:
    if rows[schema.INTERACTIONS_TABLE]:
        return
    dropped = [e for e in result.effects if e.table == schema.INTERACTIONS_TABLE and e.count]
    found = "; ".join(f"{e.count:,} {e.words}" for e in dropped) or "the validated table is empty"
    raise DataError(
        f"clean: no interaction is left ({found}); change clean.cleaners in params.yaml "
        "(sample.keep_one_user_in, for one), or the source."
    )


def _write_empty(name: str, folder: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64(), "timestamp(6)": pa.timestamp("us")}
    columns = pa.schema([(c, kinds[schema.column_type(c)]) for c in schema.COLUMNS[name]])
    pq.write_table(columns.empty_table(), folder / f"{name}.parquet", compression="zstd")
    return 0


def _summary(result: policy.Result, counts: dict[str, int]) -> str:
    """Rows left, and the largest effects in words."""
    largest = sorted((e for e in result.effects if e.count), key=lambda e: -e.count)[:4]
    words = "; ".join(f"{e.count:,} {e.words}" for e in largest) or "nothing to repair"
    return f"{counts['interactions_rows']:,} interactions with {counts['items_rows']:,} items; {words}"
