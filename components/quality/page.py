"""The data report: every rule in words with what was found, pictures of the data, and how they stand to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from components.data.mapping.changes import WORDS
from components.quality import pictures
from components.quality.profile import Profile
from components.quality.snapshots import Snapshot
from components.quality.standing import Standing
from components.quality.suites import QUARANTINE, STOP, WARN
from components.quality.verdict import UNJUDGED, Verdict, worst
from components.report.page import Page

COLUMNS = ["rule", "found", "evaluated", "break it", "share", "what follows"]
THESE = "these data"


@dataclass(frozen=True)
class Findings:
    """What one validation run found.

    quarantined  distinct rows set aside, by table
    earlier      snapshots accepted before, oldest first
    standing     drift since the newest of them, if there is one to compare with
    newest       drift of the newest file since those before it, of a table that is a file per day
    """

    verdicts: list[Verdict]
    profile: Profile
    quarantined: dict[str, int]
    source: str
    earlier: Sequence[Snapshot] = ()
    standing: Standing | None = None
    newest: Standing | None = None


def data_page(findings: Findings) -> Page:
    """The page of one validation run."""
    verdicts = findings.verdicts
    page = Page(
        "Data report", f"Source {findings.source}: expectation suites, judged on whole tables by Great Expectations."
    )
    page.verdict(worst(verdicts) != STOP, headline(findings))
    _failures(page, verdicts)
    _tables(page, findings)
    _pictures(page, findings)
    _standing(page, findings)
    if findings.newest:
        page.heading("The newest file against those before it")
        _drift(page, findings.newest)
    _rules(page, verdicts)
    return page


def rules_page(title: str, subtitle: str, verdicts: list[Verdict]) -> Page:
    """The page of rules on tables that are not the shop's own data."""
    page = Page(title, subtitle)
    stops = sum(v.follows == STOP for v in verdicts)
    page.verdict(worst(verdicts) != STOP, f"{len(verdicts)} rules, {stops} of them forbid to go on")
    _failures(page, verdicts)
    _rules(page, verdicts)
    return page


def headline(findings: Findings) -> str:
    """One sentence: how many rules, and what follows from them."""
    verdicts = findings.verdicts
    stops = [f"{v.table}: {v.words}" for v in verdicts if v.follows == STOP]
    if stops:
        return f"Stopped: {len(stops)} of {len(verdicts)} rules forbid to go on. First: {stops[0]}."
    told = Counter(v.follows for v in verdicts)
    aside = sum(findings.quarantined.values())
    unjudged = sum(told[kind] for kind in UNJUDGED)
    return (
        f"Accepted: {len(verdicts) - unjudged} rules judged, {told[WARN]} warn, {told[QUARANTINE]} set {aside:,} rows "
        f"aside; {unjudged} rules had nothing to judge."
    )


def report(findings: Findings) -> dict[str, Any]:
    """The same content as JSON-ready data."""
    profile = findings.profile
    return {
        "source": findings.source,
        "accepted": worst(findings.verdicts) != STOP,
        "headline": headline(findings),
        "rules": [v.as_dict() for v in findings.verdicts],
        "rows": profile.rows,
        "quarantined": findings.quarantined,
        "quarantined_by_rule": _aside(findings.verdicts),
        "changed_by_mapping": profile.changed,
        "missing": profile.missing,
        "events_per_day": {str(day): n for day, n in zip(profile.days, profile.daily, strict=True)},
        "events_by_type": {kind: sum(counts) for kind, counts in profile.types.items()},
        "snapshots": {s.name: s.rows for s in findings.earlier},
        "drift": findings.standing.report if findings.standing else None,
        "newest_file_drift": findings.newest.report if findings.newest else None,
    }


def _failures(page: Page, verdicts: Iterable[Verdict]) -> None:
    """What does not hold, the gravest first."""
    order = (STOP, QUARANTINE, WARN)
    found = sorted((v for v in verdicts if v.follows in order), key=lambda v: order.index(v.follows))
    rows = [[v.table, v.words, v.broken or v.observed, v.unexpected, v.why, v.follows] for v in found]
    page.heading("What does not hold")
    if not rows:
        page.text("Every rule holds.")
        return
    page.table(["table", "rule", "found", "rows", "why it matters", "what follows"], rows)


def _tables(page: Page, findings: Findings) -> None:
    page.heading("Tables")
    aside = findings.quarantined
    rows = [[name, n, aside.get(name, 0), _share(aside.get(name, 0), n)] for name, n in findings.profile.rows.items()]
    caption = "Rows set aside lie in artifacts/quarantine/, each with its rule and reason."
    page.table(["table", "rows", "set aside", "share"], rows, caption)
    _changed(page, findings.profile)


def _changed(page: Page, profile: Profile) -> None:
    """What became of the values as they were read, by the rules that params.yaml or the source declares."""
    page.heading("Changed by the mapping")
    rows = [[table, WORDS[rule], n, _share(n, profile.rows[table])]
            for table, found in profile.changed.items() for rule, n in found.items()]  # fmt: skip
    if not rows:
        page.text("The mapping changed no value: no time zone, currency, unit or sign to convert.")
        return
    page.table(["table", "what", "rows", "share"], rows, "Of all rows read, those set aside among them.")


def _pictures(page: Page, findings: Findings) -> None:
    profile, aside = findings.profile, _aside(findings.verdicts)
    page.heading("What the data look like")
    if profile.days:
        page.figure(
            pictures.daily_figure(profile), "Days without events, or with far fewer, show here.", "Events on each day"
        )
    if len(profile.price_counts):
        page.figure(pictures.price_figure(profile), "Money per unit of every line.", "Histogram of prices")
    if profile.missing:
        caption = "Only columns with missing values."
        page.figure(pictures.missing_figure(profile), caption, "Share of missing values by column")
    if aside:
        caption = "A row that breaks two rules counts under both."
        page.figure(pictures.quarantine_figure(aside), caption, "Number of rows set aside by each rule")


def _standing(page: Page, findings: Findings) -> None:
    """How the data stand against the snapshots accepted before."""
    page.heading("Against earlier snapshots")
    if not findings.earlier:
        page.text("No other data were accepted before, so their volume and their distribution are not compared.")
        return
    names = [*(s.name for s in findings.earlier), THESE]
    rows = [*(s.rows for s in findings.earlier), findings.profile.rows]
    page.figure(pictures.volume_figure(names, rows), "", "Number of rows of every table in each snapshot")
    if findings.standing is None:
        page.text("Too few lines, here or before, to compare how they are distributed.")
    else:
        _drift(page, findings.standing)


def _drift(page: Page, standing: Standing) -> None:
    columns = ["column", "verdict", "PSI", "gap", "p-value", standing.before, standing.now]
    found = [
        [name, c["verdict"], c["psi"], c["gap"], c["p_value"], c["reference"], c["current"]]
        for name, c in standing.report["columns"].items()
    ]
    caption = "Population stability index; gap: Kolmogorov–Smirnov's D, total variation, or mean discrepancy of titles."
    page.table(columns, found, caption)
    for name, drawn in standing.pictures().items():
        page.figure(drawn, "", f"{name} then and now; verdict: {standing.report['columns'][name]['verdict']}")


def _rules(page: Page, verdicts: list[Verdict]) -> None:
    _overrides(page, verdicts)
    for table in dict.fromkeys(v.table for v in verdicts):
        page.heading(f"Rules on {table}")
        page.table(COLUMNS, [_line(v) for v in verdicts if v.table == table and v.follows not in UNJUDGED])
    _unjudged(page, verdicts)


def _overrides(page: Page, verdicts: Iterable[Verdict]) -> None:
    rows = [[v.table, v.rule, v.override, v.follows] for v in verdicts if v.override]
    if rows:
        page.heading("Changed in params.yaml")
        page.table(
            ["table", "rule", "change", "what follows"], rows, "Below, these rules read as their suite has them."
        )


def _unjudged(page: Page, verdicts: Iterable[Verdict]) -> None:
    rows = [[v.table, v.words, v.follows, v.observed] for v in verdicts if v.follows in UNJUDGED]
    if rows:
        page.heading("Not judged")
        caption = (
            "Not given: the source has no such column. Nothing to judge: no row to look at, and the rule allows it."
        )
        page.table(["table", "rule", "why", "what the rule says of it"], rows, caption)


def _aside(verdicts: Iterable[Verdict]) -> dict[str, int]:
    return {f"{v.table}.{v.rule}": v.unexpected for v in verdicts if v.follows == QUARANTINE}


def _line(v: Verdict) -> list[Any]:
    return [v.words, v.broken or v.observed, v.evaluated, v.unexpected, _share(v.unexpected, v.evaluated), v.follows]


def _share(part: int, whole: int | None) -> str | None:
    return f"{part / whole:.2%}" if whole else None
