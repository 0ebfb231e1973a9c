"""validate: judge whole tables by the suites in expectations/, set bad rows aside, stop on a bad table."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, NoReturn

from pydantic import Field

from components.core import layout, schema
from components.core.bundle import replacing, sha256, write_json
from components.core.config import Config
from components.core.errors import DataError
from components.core.registry import SOURCES
from components.core.source_files import PROJECT, files_of, module_name
from components.data import engine
from components.data.canonical import canonical_tables
from components.data.engine import EngineConfig
from components.data.handover import Handover
from components.data.hints import hint
from components.data.pin import check_pin, read_pin
from components.data.protection import protection
from components.data.source import SourceChoice
from components.quality import newest_file, page, row_rules, snapshots, standing, workspace
from components.quality.freshness import FreshnessConfig, pause
from components.quality.intake import Intake, Means, take_in, without_row_rules
from components.quality.judge import ROW, judge
from components.quality.one_user import OneUserConfig, one_user
from components.quality.part_store import PartStore, key_of
from components.quality.price_units import PriceUnitsConfig, same_unit
from components.quality.profile import Profile, profile
from components.quality.quarantine import REJECTED, Raw, condemned, write_rejected, write_rules
from components.quality.refusal import write_refusal
from components.quality.repeats import placed
from components.quality.standing import DriftConfig
from components.quality.suites import QUARANTINE, STOP, WARN, Suite, load_suites
from components.quality.thresholds import Threshold
from components.quality.unlisted import named
from components.quality.verdict import Verdict
from components.quality.volume import VolumeConfig
from components.steps.result import StepResult

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

LEADING, EXAMPLE_LETTERS = 3, 80  # rules named in the message that stops the run, and how long their examples may be
NOTHING_THERE = "e.g. missing"  # the example of a rule about missing values, which says no more than its name


class ValidateConfig(Config):
    """Section `validate` of params.yaml."""

    source: SourceChoice = SourceChoice()
    max_quarantined_share: float = Field(0.02, ge=0, le=1, description="of a table's rows; beyond it the run stops")
    thresholds: dict[str, Threshold] = Field(default_factory=dict, description="by `rule` or `table.rule`")
    freshness: FreshnessConfig = FreshnessConfig()
    volume: VolumeConfig = VolumeConfig()
    price_units: PriceUnitsConfig = PriceUnitsConfig()
    one_user: OneUserConfig = OneUserConfig()
    drift: DriftConfig = DriftConfig()
    engine: EngineConfig = EngineConfig()


def validate(config: ValidateConfig, root: Path, seed: int) -> StepResult:
    """Judge data/ and write the canonical tables without their bad rows.

    Reads   data/ (held to data.dvc), expectations/, privacy.json; raw files that were judged before by the same rules
            are known by their digest, and what was made of them is taken from artifacts/parts/
    Writes  validated/{<table>.parquet,pseudonyms.json}, or validated/<table>/ with one file for each raw file;
            quarantine/ (components/quality/quarantine.py), quality/report.{html,json}
    Raises  DataError after the report and the quarantine are written if a rule says stop, could not be judged, or
            looked at nothing, or if too many rows of a table are bad; validated/ is then not written, and the
            quarantine says that its data were refused (components/quality/refusal.py).
    """
    digest = check_pin(root)
    suites = load_suites(root / layout.EXPECTATIONS, config.source.component, config.thresholds)
    with tempfile.TemporaryDirectory(prefix="shoploop-validate-") as folder:
        run = _Run(config, root, Path(folder), suites, digest)
        try:
            run.judge()
            run.compare()
        finally:
            run.handover.close()
        run.conclude()
    return run.result()


class _Run:
    """One validation, from the intake to the accepted tables."""

    def __init__(self, config: ValidateConfig, root: Path, work: Path, suites: list[Suite], digest: str):
        self.config, self.root, self.work, self.suites, self.digest = config, root, work, suites, digest
        self.source, self.protect = config.source.open(), protection(root, config.source)
        self.store = PartStore(root / layout.PARTS)
        self.intake = take_in(self.source, suites, self.protect, self._means())
        self.earlier = snapshots.earlier(root / layout.SNAPSHOTS, digest)
        self.database = work / "tables.duckdb"
        self.handover = Handover(config.engine, work / "handed")

    def judge(self) -> None:
        """Lay out all tables, and let Great Expectations judge what is not judged yet."""
        con = self._connect()
        landed, files = self.intake.folder, self.intake.tables
        tables = canonical_tables(con, self.source, landed, self.config.engine, self.work, list(files))
        self.names = workspace.stage(con, self.source, landed, self.suites, self.protect, tables, files, self.handover)
        con.disconnect()  # Great Expectations opens the file itself
        concerned = [suite for suite in self.suites if suite.is_raw or suite.table in self.names]
        config = self.config
        self.judged = standing.with_rules(concerned, self.names, self.earlier, config.freshness, config.volume)
        concerned = standing.with_rules(
            without_row_rules(concerned, self.intake), self.names, self.earlier, config.freshness, config.volume
        )
        settings = engine.settings(*self._limits())
        self.verdicts = [*self._row_verdicts(), *judge(concerned, self.database, settings)]

    def compare(self) -> None:
        """Count what is bad, and hold what is left against earlier data."""
        con = self.con = self._connect()
        config, names = self.config, self.names
        rows = {name: self.handover.tables.get(name, con.table(name)) for name in names}
        self.facts = profile(rows)
        judged = {name: con.table(name) for name in names}
        self.verdicts = placed(named(self.verdicts, self.judged, judged), self.judged, judged)
        whole = [v for v in self.verdicts if v.query]
        self.bad = {name: workspace.bad_rows(con, name, whole) for name in names}
        self.aside = {name: self._set_aside(name) for name in names}
        limit = config.max_quarantined_share
        self.verdicts += [
            _share_verdict(name, self.aside[name], self.facts.rows[name], limit, self.verdicts) for name in names
        ]
        self.verdicts += self.intake.accounts.verdicts(limit)
        self.verdicts.append(pause(schema.INTERACTIONS_TABLE, self.facts.days, self.facts.daily, config.freshness))
        self.kept = {name: self._kept(name, con.table(name), self.bad[name]) for name in names}
        seen = {name: self._kept_as_seen(name, rows[name]) for name in names}
        self.verdicts += one_user(seen, config.one_user)
        self.verdicts.append(same_unit(seen[schema.INTERACTIONS_TABLE], config.price_units))
        self.sample = standing.sample(seen, config.drift, self.source.local_time_zone)
        self.drifted = standing.since(self.root / layout.SNAPSHOTS, self.digest, self.sample, config.drift)
        self.verdicts += standing.verdicts(self.drifted, config.drift)
        newest = newest_file.find(seen[schema.INTERACTIONS_TABLE])
        self.newest = standing.of_newest_file(seen, newest, config.drift, self.source.local_time_zone)
        self.verdicts += newest_file.volume(newest, config.volume) + standing.verdicts(self.newest, config.drift)
        self.snapshot = snapshots.describe(seen, self.digest)

    def conclude(self) -> None:
        """Write the report, and if no rule says stop, the tables."""
        rejected = {f"{name}{REJECTED}": n for name, n in self.intake.accounts.rejected.items() if n}
        findings = page.Findings(
            self.verdicts,
            self.facts,
            self.aside | rejected,
            self.config.source.component,
            self.earlier,
            self.drifted,
            self.newest,
        )
        _write_report(self.root / layout.QUALITY, findings)
        stops = [v for v in self.verdicts if v.follows == STOP]
        if stops:
            self._refuse(stops)
        self._write_tables()
        snapshots.remember(self.root / layout.SNAPSHOTS, self.snapshot, self.sample)
        self.con.disconnect()
        self.store.keep_only(self.intake.used)

    def result(self) -> StepResult:
        """What the step says of itself."""
        return _result(self.root, self.verdicts, self.facts, self.aside, self.digest, self.intake)

    def _means(self) -> Means:
        digests = read_pin(self.root / layout.DATA_PIN)[1]
        identity = [self.config.source.model_dump(mode="json"), _code(self.config.source.component)]
        return Means(self.root / layout.DATA, digests, self.store, self.work, self.config.engine, identity)

    def _limits(self) -> tuple[float, int, Path]:
        return self.config.engine.memory_limit_gb, self.config.engine.threads, self.work

    def _connect(self) -> Backend:
        return engine.connect(*self._limits(), database=self.database)

    def _row_verdicts(self) -> list[Verdict]:
        suites = {suite.table: row_rules.divided(suite)[0] for suite in self.suites}
        return [v for name, table in self.intake.tables.items() for v in table.row_verdicts(suites[name])]

    def _set_aside(self, name: str) -> int:
        bad = self.bad[name]
        if name in self.intake.tables:
            return self.intake.tables[name].set_aside(bad)
        return 0 if bad is None else int(bad[ROW].nunique().execute())

    def _kept(self, name: str, table: Table, bad: Table | None) -> Table:
        if name in self.intake.tables:
            return self.intake.tables[name].accepted(table, bad)
        return workspace.accepted(table, bad)

    def _kept_as_seen(self, name: str, rows: Table) -> Table:
        """The accepted rows on the engine that counts over whole tables."""
        if not self.handover.is_needed:
            return self.kept[name]
        bad = self.bad[name]
        condemned_rows = None if bad is None else self.handover.seen(f"bad_{name}", bad.select(ROW).distinct())
        return self._kept(name, rows, condemned_rows)

    def _refuse(self, stops: list[Verdict]) -> NoReturn:
        """Keep the rows that were set aside, and raise the DataError that says why nothing was accepted."""
        reasons = [f"{v.table}: {v.words}: {v.broken or v.observed or 'it does not hold'} ({v.why})" for v in stops]
        with replacing(self.root / layout.QUARANTINE) as aside:
            self._write_aside(aside)
            write_refusal(aside, reasons)
        self.con.disconnect()
        raise _refused(reasons, len(self.verdicts), sum(self.aside.values()))

    def _write_tables(self) -> None:
        with replacing(self.root / layout.VALIDATED) as good, replacing(self.root / layout.QUARANTINE) as aside:
            self.protect.write(good)
            for name in self.names:
                self._write_accepted(name, good)
            self._write_aside(aside)
            _check_none_lost(good, aside, self.facts.rows, self.aside)

    def _write_aside(self, folder: Path) -> None:
        """Every row set aside with rule and reason, the lines that are no rows, and the rules."""
        for name in self.names:
            rows = self._quarantined(name)
            if rows is not None:
                engine.write_parquet(rows, folder / f"{name}.parquet")
        write_rejected(self.con, self.intake.accounts.files, folder)
        canonical = [suite for suite in self.judged if suite.table in self.names]
        write_rules(folder, self.digest, identity_of(self.config, self.root), canonical)

    def _write_accepted(self, name: str, folder: Path) -> None:
        if name in self.intake.tables:
            self.intake.tables[name].write_accepted(self.con, self.bad[name], folder)
        else:
            engine.write_parquet(workspace.plain(self.kept[name]), folder / f"{name}.parquet")

    def _quarantined(self, name: str) -> Table | None:
        bad = self.bad[name]
        if name in self.intake.tables:
            return self.intake.tables[name].quarantined(self.con, bad, self.intake.folder)
        if bad is None:
            return None
        moved = self.protect.forgotten or self.config.engine.component != engine.DUCKDB  # whose n-th row is another
        raw = None if moved else self.source.same_rows.get(name)
        return condemned(self.con, name, bad, Raw(self.intake.folder, raw))


def _check_none_lost(good: Path, aside: Path, rows: dict[str, int], set_aside: dict[str, int]) -> None:
    """Every row that was read is in validated/ or in quarantine/; DataError if one is in neither."""
    for name, read in rows.items():
        files = [good / f"{name}.parquet"] if (good / f"{name}.parquet").is_file() else (good / name).glob("*.parquet")
        accepted = sum(map(engine.count_rows, files))
        if accepted + set_aside[name] != read or (set_aside[name] and not (aside / f"{name}.parquet").is_file()):
            raise DataError(
                f"validate: {name}: {read:,} rows read, but {accepted:,} accepted and {set_aside[name]:,} set aside; "
                "nothing was written. This is a fault of shoploop, please report it."
            )


def identity_of(config: ValidateConfig, root: Path) -> str:
    """One key for all that the canonical rows hang on beside data/: source, code, protection of persons."""
    privacy = root / layout.PRIVACY
    protected = sha256(privacy) if privacy.is_file() else None
    return key_of(config.source.model_dump(mode="json"), _code(config.source.component), protected)


def _code(component: str) -> str:
    """One digest of all code that makes parts of single files: the source, its mapping, and the judge."""
    files = files_of(module_name(SOURCES.file(component)), "components.quality.intake")
    versions = [version(package) for package in ("duckdb", "ibis-framework", "great-expectations")]
    return key_of([sha256(PROJECT / file) for file in files], versions)


def _share_verdict(table: str, bad: int, rows: int, limit: float, verdicts: list[Verdict]) -> Verdict:
    return Verdict(
        table,
        "quarantined_share",
        STOP,
        f"at most {limit:.1%} of the rows are set aside",
        "a table with more bad rows is a broken table, not one with a few bad rows",
        holds=bad <= limit * rows,
        observed=f"{bad:,} of {rows:,} rows{_leading(table, verdicts)}",
    )


def _leading(table: str, verdicts: list[Verdict]) -> str:
    """The rules that set most rows aside, with examples of what broke them."""
    found = sorted((v for v in verdicts if v.table == table and v.follows == QUARANTINE), key=lambda v: -v.unexpected)
    words = [f"{v.rule} {v.unexpected:,}{_example(v.observed)}" for v in found[:LEADING]]
    told = hint(v.observed for v in found)
    return (f"; by rule: {', '.join(words)}" if words else "") + (f"; it looks like {told}" if told else "")


def _example(observed: str) -> str:
    return f" ({shorten(observed, EXAMPLE_LETTERS)})" if observed and observed != NOTHING_THERE else ""


def _write_report(folder: Path, findings: page.Findings) -> None:
    with replacing(folder) as fresh:
        page.data_page(findings).write(fresh / "report.html")
        write_json(fresh / "report.json", page.report(findings))


def _refused(reasons: list[str], rules: int, aside: int) -> DataError:
    lines = "\n".join(f"- {reason}" for reason in reasons)
    kept = f"`shoploop quarantine list` shows the {aside:,} rows set aside; see" if aside else "See"
    return DataError(
        f"validate: the data are refused, {len(reasons)} of {rules} rules say stop:\n{lines}\n"
        f"{kept} {layout.QUALITY}/report.html; "
        f"repair the source, or the rule in {layout.EXPECTATIONS}/ if that is wrong."
    )


def _result(
    root: Path, verdicts: list[Verdict], facts: Profile, aside: dict[str, int], digest: str, intake: Intake
) -> StepResult:
    warnings = sum(v.follows == WARN for v in verdicts)
    rows, set_aside = sum(facts.rows.values()), sum(aside.values())
    rejected, known = sum(intake.accounts.rejected.values()), len(intake.files) - intake.new
    metrics = {"rules": len(verdicts), "warnings": warnings, "rows": rows, "quarantined": set_aside}
    metrics |= {"rejected_lines": rejected, "files_known": known, "files_new": intake.new}
    words = f"{len(verdicts)} rules on {rows:,} rows: {set_aside:,} rows set aside with a reason, {warnings} warnings"
    words += f", {rejected:,} lines that are no rows" if rejected else ""
    words += f"; {known} files known, {intake.new} new" if intake.files else ""
    return StepResult(
        words,
        metrics=metrics | {f"quarantined_{name}": n for name, n in aside.items()},
        artifacts=(root / layout.QUALITY / "report.html", root / layout.QUALITY / "report.json"),
        tags={"data_digest": digest},
    )
