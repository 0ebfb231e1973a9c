"""The data report: every rule in words with what was found, and three pictures of the data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from components.quality.profile import Profile
from components.quality.suites import STOP
from components.quality.verdict import HOLDS, Verdict, worst
from components.report.figures import PALETTE, new_axes, new_figure
from components.report.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ["rule", "found", "evaluated", "break it", "share", "what follows"]


def data_page(verdicts: list[Verdict], profile: Profile, quarantined: dict[str, int], source: str) -> Page:
    """The page of one validation run.

    quarantined  distinct rows set aside, by table
    """
    page = Page("Data report", f"Source {source}: expectation suites, judged on whole tables by Great Expectations.")
    page.verdict(worst(verdicts) != STOP, headline(verdicts, quarantined))
    _failures(page, verdicts)
    _tables(page, profile, quarantined)
    page.figure(daily_figure(profile), "Days without events, or with far fewer, show here.", "Events on each day")
    page.figure(price_figure(profile), "Money per unit; the dearest hundredth is left out.", "Histogram of prices")
    if profile.missing:
        page.figure(missing_figure(profile), "Only columns with missing values.", "Share of missing values by column")
    for table in dict.fromkeys(v.table for v in verdicts):
        page.heading(f"Rules on {table}")
        page.table(COLUMNS, [_line(v) for v in verdicts if v.table == table])
    return page


def headline(verdicts: Iterable[Verdict], quarantined: dict[str, int]) -> str:
    """One sentence: how many rules, and what follows from them."""
    verdicts = list(verdicts)
    stops = [f"{v.table}: {v.words}" for v in verdicts if v.follows == STOP]
    if stops:
        return f"Stopped: {len(stops)} of {len(verdicts)} rules forbid to go on. First: {stops[0]}."
    warned = sum(v.follows != HOLDS for v in verdicts)
    return (
        f"Accepted: {len(verdicts)} rules judged, {warned} with findings, {sum(quarantined.values()):,} rows set aside."
    )


def report(verdicts: list[Verdict], profile: Profile, quarantined: dict[str, int], source: str) -> dict[str, Any]:
    """The same content as JSON-ready data."""
    return {
        "source": source,
        "accepted": worst(verdicts) != STOP,
        "headline": headline(verdicts, quarantined),
        "rules": [v.as_dict() for v in verdicts],
        "rows": profile.rows,
        "quarantined": quarantined,
        "missing": profile.missing,
        "events_per_day": {str(day): n for day, n in zip(profile.days, profile.daily, strict=True)},
    }


def daily_figure(profile: Profile) -> Figure:
    """Events on each day."""
    figure = new_figure(height=2.8)
    ax = new_axes(figure, "Events per day", "day (UTC)", "events")
    ax.plot(profile.days, profile.daily, color=PALETTE[0], linewidth=1.2)
    ax.set_ylim(bottom=0)
    return figure


def price_figure(profile: Profile) -> Figure:
    """Histogram of the price per unit."""
    figure = new_figure(height=2.8)
    ax = new_axes(figure, "Price per unit", "money", "lines")
    ax.stairs(profile.price_counts, profile.price_edges, fill=True, color=PALETTE[0], alpha=0.85)
    return figure


def missing_figure(profile: Profile) -> Figure:
    """Share of missing values by column, largest first."""
    names = sorted(profile.missing, key=lambda name: -profile.missing[name])
    figure = new_figure(height=1.3 + 0.3 * len(names))
    ax = new_axes(figure, "Missing values", "share of rows", "")
    ax.barh(names, [profile.missing[name] for name in names], color=PALETTE[0], alpha=0.85)
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    return figure


def _failures(page: Page, verdicts: Iterable[Verdict]) -> None:
    rows = [
        [v.table, v.words, v.broken or v.observed, v.unexpected, v.why, v.follows]
        for v in verdicts
        if v.follows != HOLDS
    ]
    page.heading("What does not hold")
    if not rows:
        page.text("Every rule holds.")
        return
    page.table(["table", "rule", "found", "rows", "why it matters", "what follows"], rows)


def _tables(page: Page, profile: Profile, quarantined: dict[str, int]) -> None:
    page.heading("Tables")
    rows = [[name, n, quarantined.get(name, 0)] for name, n in profile.rows.items()]
    page.table(
        ["table", "rows", "set aside"], rows, "Rows set aside lie in artifacts/quarantine/, each with its reason."
    )


def _line(v: Verdict) -> list[Any]:
    share = None if v.share is None else f"{v.share:.2%}"
    return [v.words, v.broken or v.observed, v.evaluated, v.unexpected, share, v.follows]
