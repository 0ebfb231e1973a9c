"""validate: judge whole tables by the suites in expectations/, set bad rows aside, stop on a bad table."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import Field

from components.core import layout, schema
from components.core.bundle import replacing, write_json
from components.core.config import Config
from components.core.errors import DataError
from components.data import engine
from components.data.engine import EngineConfig
from components.data.pin import check_pin
from components.data.protection import Protection, protection
from components.data.source import SourceChoice
from components.quality import page, snapshots, standing, workspace
from components.quality.freshness import FreshnessConfig, pause
from components.quality.judge import ROW, judge
from components.quality.profile import Profile, profile
from components.quality.standing import DriftConfig
from components.quality.suites import STOP, WARN, load_suites
from components.quality.thresholds import Threshold
from components.quality.verdict import Verdict
from components.quality.volume import VolumeConfig
from components.steps.result import StepResult


class ValidateConfig(Config):
    """Section `validate` of params.yaml."""

    source: SourceChoice = SourceChoice()
    max_quarantined_share: float = Field(0.02, ge=0, le=1, description="of a table's rows; beyond it the run stops")
    thresholds: dict[str, Threshold] = Field(default_factory=dict, description="by `rule` or `table.rule`")
    freshness: FreshnessConfig = FreshnessConfig()
    volume: VolumeConfig = VolumeConfig()
    drift: DriftConfig = DriftConfig()
    engine: EngineConfig = EngineConfig()


def validate(config: ValidateConfig, root: Path, seed: int) -> StepResult:
    """Judge data/ and write the canonical tables without their bad rows.

    Reads   data/ (held to data.dvc), expectations/, privacy.json
    Writes  validated/{<table>.parquet,pseudonyms.json}, quarantine/<table>.parquet (bad rows, rule, reason),
            quality/report.{html,json}
    Raises  DataError after the report is written if a rule says stop, could not be judged, or looked at nothing, or if
            too many rows of a table are bad; validated/ is then not written.
    """
    digest = check_pin(root)
    suites = load_suites(root / layout.EXPECTATIONS, config.source.component, config.thresholds)
    earlier = snapshots.earlier(root / layout.SNAPSHOTS, digest)
    protect = protection(root, config.source)
    with tempfile.TemporaryDirectory(prefix="shoploop-validate-") as folder:
        work = Path(folder) / "tables.duckdb"
        limits = (config.engine.memory_limit_gb, config.engine.threads, Path(folder))
        source = config.source.open()
        (Path(folder) / "landed").mkdir()
        landed = source.land(root / layout.DATA, Path(folder) / "landed")
        con = engine.connect(*limits, database=work)
        names = workspace.stage(con, source, landed, suites, protect)
        con.disconnect()  # Great Expectations opens the file itself
        concerned = [suite for suite in suites if suite.is_raw or suite.table in names]
        concerned = standing.with_rules(concerned, names, earlier, config.freshness, config.volume)
        verdicts = judge(concerned, work, engine.settings(*limits))
        con = engine.connect(*limits, database=work)
        facts = profile(con, names)
        bad = {name: workspace.bad_rows(con, name, verdicts) for name in names}
        quarantined = {name: 0 if rows is None else rows[ROW].nunique().execute() for name, rows in bad.items()}
        verdicts += [_share_verdict(n, quarantined[n], facts.rows[n], config.max_quarantined_share) for n in names]
        verdicts.append(pause(schema.INTERACTIONS_TABLE, facts.days, facts.daily, config.freshness))
        kept = {
            name: con.table(name) if rows is None else con.table(name).anti_join(rows, ROW)
            for name, rows in bad.items()
        }
        sample = standing.sample(kept, config.drift, source.local_time_zone)
        drifted = standing.since(root / layout.SNAPSHOTS, digest, sample, config.drift)
        verdicts += standing.verdicts(drifted, config.drift)
        findings = page.Findings(verdicts, facts, quarantined, config.source.component, earlier, drifted)
        _write_report(root / layout.QUALITY, findings)
        _stop_if_told(verdicts)
        _write_tables(con, root, bad, protect)
        snapshots.remember(root / layout.SNAPSHOTS, snapshots.describe(kept, digest), sample)
        con.disconnect()
    return _result(root, verdicts, facts, quarantined, digest)


def _share_verdict(table: str, bad: int, rows: int, limit: float) -> Verdict:
    return Verdict(
        table,
        "quarantined_share",
        STOP,
        f"at most {limit:.1%} of the rows are set aside",
        "a table with more bad rows is a broken table, not one with a few bad rows",
        holds=bad <= limit * rows,
        observed=f"{bad:,} of {rows:,} rows",
    )


def _write_report(folder: Path, findings: page.Findings) -> None:
    with replacing(folder) as fresh:
        page.data_page(findings).write(fresh / "report.html")
        write_json(fresh / "report.json", page.report(findings))


def _stop_if_told(verdicts: list[Verdict]) -> None:
    stops = [v for v in verdicts if v.follows == STOP]
    if not stops:
        return
    reasons = "\n".join(f"- {v.table}: {v.words}: {v.broken or v.observed or 'it does not hold'}" for v in stops)
    raise DataError(
        f"validate: the data are refused, {len(stops)} of {len(verdicts)} rules say stop:\n{reasons}\n"
        f"See {layout.QUALITY}/report.html; repair the source, or the rule in {layout.EXPECTATIONS}/ if that is wrong."
    )


def _write_tables(con, root: Path, bad: dict, protect: Protection) -> None:
    with replacing(root / layout.VALIDATED) as good_folder, replacing(root / layout.QUARANTINE) as bad_folder:
        protect.write(good_folder)
        for name, rows in bad.items():
            engine.write_parquet(workspace.accepted(con, name, rows), good_folder / f"{name}.parquet")
            if rows is not None:
                engine.write_parquet(workspace.condemned(con, name, rows), bad_folder / f"{name}.parquet")


def _result(root: Path, verdicts: list[Verdict], facts: Profile, aside: dict[str, int], digest: str) -> StepResult:
    warnings = sum(v.follows == WARN for v in verdicts)
    rows, set_aside = sum(facts.rows.values()), sum(aside.values())
    metrics = {"rules": len(verdicts), "warnings": warnings, "rows": rows, "quarantined": set_aside}
    return StepResult(
        f"{len(verdicts)} rules on {rows:,} rows: {set_aside:,} rows set aside with a reason, {warnings} warnings",
        metrics=metrics | {f"quarantined_{name}": n for name, n in aside.items()},
        artifacts=(root / layout.QUALITY / "report.html", root / layout.QUALITY / "report.json"),
        tags={"data_digest": digest},
    )
