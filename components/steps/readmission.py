"""Re-admission: after a rule was changed, the rows set aside are judged again, and only they.

The result is that of a full run of validate under today's rules, or nothing is written: rows are judged by today's row
rules, rules that changed and rules about whole tables also on all rows; where one of them would set an accepted row
aside, or say stop, the full run is asked for.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import layout, schema
from components.core.bundle import read_json, replacing, write_json
from components.core.errors import DataError
from components.data import engine, parts
from components.data.pin import check_pin
from components.quality import quarantine, row_rules, snapshots, standing, workspace
from components.quality.file_tables import CONDEMNED_ROW, link_all, renumbered, scan
from components.quality.judge import ROW, judge
from components.quality.quarantine import REASON, RULE, RULES, TABLE
from components.quality.refusal import refusal
from components.quality.rules import Rule
from components.quality.suites import STOP, Suite, load_suites
from components.quality.verdict import Verdict
from components.steps.validate import ValidateConfig, identity_of

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis import Table
    from ibis.backends.duckdb import Backend

FULL_RUN = "run `dvc repro validate`"
PART = "readmitted"
WAS = "was_row"  # the number that the quarantine gave a row


@dataclass(frozen=True)
class Readmission:
    """One entry of the journal artifacts/readmissions.json.

    rows     by table: rows re-admitted, rows still set aside
    changed  rules that are not as they were when the rows were set aside, as table.rule
    """

    at: str
    by: str
    reason: str
    data_digest: str
    changed: tuple[str, ...]
    rows: dict[str, tuple[int, int]]


def readmit(config: ValidateConfig, root: Path, by: str, reason: str, now: datetime) -> Readmission:
    """Judge the quarantine by today's suites and thresholds; what passes becomes a part of its table in validated/.

    Raises  DataError where that would not give what a full run gives: other data, source or code than the quarantine
            was made of, a rule that would set accepted rows aside, or one that says stop
    """
    if not by.strip() or not reason.strip():
        raise DataError("quarantine: who decides, and why, is kept in the journal; say it in a few words.")
    digest = check_pin(root)
    before = _before(config, root, digest)
    with tempfile.TemporaryDirectory(prefix="shoploop-readmit-") as folder:
        again = _Again(config, root, Path(folder), digest, before)
        again.judge()
        rows = again.write()
    done = Readmission(now.isoformat(timespec="seconds"), by, reason, digest, again.changed, rows)
    if any(back for back, _ in rows.values()):
        _record(root / layout.READMISSIONS, done)
    return done


def _before(config: ValidateConfig, root: Path, digest: str) -> dict[str, list[Rule]]:
    """The rules that the rows were set aside by."""
    path = root / layout.QUARANTINE / RULES
    if not path.is_file():
        raise DataError(f"{path}: no such file; {FULL_RUN} first.")
    if refusal(root / layout.QUARANTINE):
        raise DataError(f"quarantine: validate refused these data, so no row can be re-admitted to them; {FULL_RUN}.")
    said = read_json(path)
    if said["data"] != digest or said["identity"] != identity_of(config, root):
        raise DataError(
            f"quarantine: the data, the source or the code changed since the rows were set aside; {FULL_RUN}."
        )
    return said["rules"]


class _Again:
    """The accepted rows and those set aside, side by side."""

    def __init__(self, config: ValidateConfig, root: Path, work: Path, digest: str, before: dict[str, list[Rule]]):
        self.config, self.root, self.work, self.before = config, root, work, before
        self.limits = (config.engine.memory_limit_gb, config.engine.threads, work)
        suites = load_suites(root / layout.EXPECTATIONS, config.source.component, config.thresholds)
        folder = root / layout.QUARANTINE
        self.names = [name for name in parts.table_names(root / layout.VALIDATED) if name in schema.COLUMNS]
        self.concerned = [name for name in self.names if (folder / f"{name}.parquet").is_file()]
        earlier = snapshots.earlier(root / layout.SNAPSHOTS, digest)
        canonical = [suite for suite in suites if suite.table in self.names]
        self.suites = standing.with_rules(canonical, self.names, earlier, config.freshness, config.volume)
        self.changed = tuple(f"{s.table}.{name}" for s in self.suites for name in _changed(s, before))

    def judge(self) -> None:
        """Judge the rows set aside by row rules; and all rows by rules that changed or are about whole tables.

        Raises DataError if one says stop, or would set an accepted row aside.
        """
        self._gather()
        own = [row_rules.divided(suite)[0] for suite in self.suites if suite.table in self.concerned]
        alone = self._judged("alone", own, self._lay_out_alone)
        over_all = self._judged("all", [_over_all(s, self.before) for s in self.suites], self._lay_out_all)
        stops = [v for v in over_all if v.follows == STOP] + [v for v in alone if v.broken and v.evaluated is None]
        if stops:
            words = "; ".join(f"{v.table}: {v.words}: {v.broken or v.observed}" for v in stops)
            raise DataError(f"quarantine: today's rules say stop, nothing was re-admitted: {words}. {FULL_RUN}.")
        self.bad = {name: self._bad(name, alone, over_all) for name in self.names}

    def write(self) -> dict[str, tuple[int, int]]:
        """Bring back what passes; returns rows re-admitted and left, by table."""
        con = engine.connect(*self.limits)
        self.tables = {name: con.read_parquet(self._aside(name)) for name in self.concerned}
        counts = {name: self._counts(name) for name in self.concerned}
        self._check_share(counts)
        if any(back for back, _ in counts.values()):
            self._write_validated(counts)  # killed in between, a row is in both, never in neither
            self._write_quarantine(counts)
        con.disconnect()
        return counts

    def _gather(self) -> None:
        """The rows set aside, each once, with `place`: their number, from 1."""
        import ibis

        con = engine.connect(*self.limits)
        for name in self.concerned:
            rows = engine.read_parquet(con, self.root / layout.QUARANTINE / f"{name}.parquet")
            once = rows.drop(TABLE, RULE, REASON).distinct().rename({WAS: ROW})
            placed = once.mutate(**{ROW: ibis.row_number().over(order_by=list(once.columns)) + 1})
            engine.write_parquet(placed, self._aside(name))
        con.disconnect()

    def _aside(self, name: str) -> Path:
        return self.work / f"{name}.parquet"

    def _judged(self, database: str, suites: Sequence[Suite], lay_out: Callable[[Backend], None]) -> list[Verdict]:
        con = engine.connect(*self.limits, database=self._database(database))
        lay_out(con)
        con.disconnect()
        suites = [suite for suite in suites if suite.expectations]
        settings = engine.settings(*self.limits)
        return judge(suites, self._database(database), settings) if suites else []

    def _database(self, name: str) -> Path:
        return self.work / f"{name}.duckdb"

    def _lay_out_alone(self, con: Backend) -> None:
        for name in self.concerned:
            rows = con.read_parquet(self._aside(name))
            con.create_table(name, rows.select(ROW, *self._columns(name)))

    def _lay_out_all(self, con: Backend) -> None:
        bases = {}
        for name in self.names:
            selects = [scan(self._accepted(name), 0)]
            if name in self.concerned:
                columns = ", ".join(f'"{c}"' for c in self._columns(name))
                file = str(self._aside(name)).replace("'", "''")
                selects.append(f'SELECT {CONDEMNED_ROW}::BIGINT + "{ROW}" AS "{ROW}", {columns} FROM \'{file}\'')  # noqa: S608
            con.raw_sql(f'CREATE VIEW "files_{name}" AS {" UNION ALL BY NAME ".join(selects)}')
            bases[name] = con.table(f"files_{name}")
        unknown = workspace.unlisted(bases)
        for name, table in bases.items():
            con.create_view(name, workspace.with_checks(name, table, unknown))

    def _accepted(self, name: str) -> list[Path]:
        whole = self.root / layout.VALIDATED / f"{name}.parquet"
        return [whole] if whole.is_file() else sorted((self.root / layout.VALIDATED / name).glob("*.parquet"))

    def _columns(self, name: str) -> list[str]:
        import pyarrow.parquet as pq

        return pq.read_schema(self._accepted(name)[0]).names

    def _bad(self, name: str, alone: Sequence[Verdict], over_all: Sequence[Verdict]) -> pa.Table | None:
        """Number, rule and reason of the rows set aside that today's rules condemn."""
        import pyarrow as pa

        found = [
            self._condemned(database, name, verdicts) for database, verdicts in (("alone", alone), ("all", over_all))
        ]
        there = [rows for rows in found if rows is not None]
        return pa.concat_tables(there).group_by(list(there[0].column_names)).aggregate([]) if there else None

    def _condemned(self, database: str, name: str, verdicts: Sequence[Verdict]) -> pa.Table | None:
        con = engine.connect(*self.limits, database=self._database(database))
        rows = workspace.bad_rows(con, name, verdicts)
        if rows is not None:
            if database == "all":
                _refuse_stricter(name, rows.filter(rows[ROW] < CONDEMNED_ROW))
                rows = rows.mutate(**{ROW: rows[ROW] - CONDEMNED_ROW})
            rows = rows.select(ROW, RULE, REASON).to_pyarrow()
        con.disconnect()
        return rows

    def _counts(self, name: str) -> tuple[int, int]:
        total = engine.count_rows(self._aside(name))
        bad = self.bad[name]
        left = 0 if bad is None else len(bad[ROW].unique())
        return total - left, left

    def _check_share(self, counts: Mapping[str, tuple[int, int]]) -> None:
        for name, (back, left) in counts.items():
            rows = back + left + sum(map(engine.count_rows, self._accepted(name)))
            if left > self.config.max_quarantined_share * rows:
                raise DataError(
                    f"quarantine: {left:,} of {rows:,} rows of {name} would still be set aside, more than validate."
                    f"max_quarantined_share ({self.config.max_quarantined_share:.1%}); nothing was re-admitted."
                )

    def _write_validated(self, counts: Mapping[str, tuple[int, int]]) -> None:
        with replacing(self.root / layout.VALIDATED) as fresh:
            link_all(self.root / layout.VALIDATED, fresh)
            for name, (back, _) in counts.items():
                if back:
                    _add_part(fresh, name, self._passing(name).select(*self._columns(name)))

    def _write_quarantine(self, counts: Mapping[str, tuple[int, int]]) -> None:
        was = read_json(self.root / layout.QUARANTINE / RULES)
        with replacing(self.root / layout.QUARANTINE) as fresh:
            link_all(self.root / layout.QUARANTINE, fresh)
            for name, (_, left) in counts.items():
                (fresh / f"{name}.parquet").unlink()
                if left:
                    engine.write_parquet(self._left(name), fresh / f"{name}.parquet")
            quarantine.write_rules(fresh, was["data"], was["identity"], self.suites)

    def _passing(self, name: str) -> Table:
        rows, bad = self.tables[name], self.bad[name]
        return rows if bad is None else rows.filter(rows[ROW].notin(bad[ROW].unique().to_pylist()))

    def _left(self, name: str) -> Table:
        import ibis

        rows = self.tables[name].inner_join(ibis.memtable(self.bad[name]), ROW)
        told = quarantine.told(rows.mutate(**{ROW: rows[WAS]}), name)
        return renumbered(told, name) if name in self.config.source.open().by_file() else told


def _changed(suite: Suite, before: Mapping[str, list[Rule]]) -> list[str]:
    """Names of the rules that are new, or not as they were."""
    known = {rule["meta"]["rule"]: rule for rule in before.get(suite.table, [])}
    now = quarantine.plain_rules(suite)
    return [rule["meta"]["rule"] for rule in now if known.get(rule["meta"]["rule"]) != rule]


def _over_all(suite: Suite, before: Mapping[str, list[Rule]]) -> Suite:
    """The rules that have to look at all rows: those about the whole table, and those that changed."""
    changed = _changed(suite, before)
    rules = [r for r in suite.expectations if r["meta"]["rule"] in changed or not row_rules.is_row_rule(r)]
    return replace(suite, expectations=tuple(rules))


def _refuse_stricter(name: str, accepted: Table) -> None:
    found = accepted.group_by(RULE).agg(rows=accepted.count()).to_pyarrow().to_pylist()
    if found:
        words = ", ".join(f"'{row[RULE]}' ({row['rows']:,} rows)" for row in found)
        raise DataError(
            f"quarantine: {name}: rules would set accepted rows aside: {words}; nothing was re-admitted. {FULL_RUN}."
        )


def _add_part(folder: Path, name: str, rows: Table) -> None:
    """Put rows beside the accepted ones, as a part; what was one file becomes a folder."""
    home = folder / name
    if not home.is_dir():
        home.mkdir()
        os.replace(folder / f"{name}.parquet", home / f"{name}.parquet")
    number = 1 + len(list(home.glob(f"{PART}-*.parquet")))
    engine.write_parquet(rows, home / f"{PART}-{number}.parquet")


def _record(path: Path, done: Readmission) -> None:
    write_json(path, [*(read_json(path) if path.is_file() else []), asdict(done)])
