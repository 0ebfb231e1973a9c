"""Pictures of the data report: events, prices, missing values, what was set aside, volumes over the snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from components.quality.profile import Profile
from components.report.figures import MARKERS, PALETTE, new_axes, new_figure, with_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NARROW = 2.8
MOST_BARS = 30
GRID = "#e6eaf0"


def daily_figure(profile: Profile) -> Figure:
    """Events on each day, a line per event type."""
    figure = new_figure(height=NARROW)
    ax = new_axes(figure, "Events per day", "day (UTC)", "events")
    for colour, (kind, counts) in zip(PALETTE, profile.types.items(), strict=False):
        ax.plot(profile.days, counts, color=colour, linewidth=1.2, label=kind)
    ax.set_ylim(bottom=0)
    ax.grid(axis="y", color=GRID)
    _few_dates(ax)
    _whole_numbers(ax)
    if len(profile.types) > 1:
        ax.legend(frameon=False)
    return with_fonts(figure)


def price_figure(profile: Profile) -> Figure:
    """Histogram of the price per unit, logarithmic."""
    from matplotlib.ticker import NullFormatter

    figure = new_figure(height=NARROW)
    ax = new_axes(figure, "Price per unit", "money, logarithmic", "lines")
    ax.stairs(profile.price_counts, profile.price_edges, fill=True, color=PALETTE[0], alpha=0.85)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(_plainly)
    within_ten = max(profile.price_edges) < 10 * min(profile.price_edges)  # then the powers of ten alone say too little
    ax.xaxis.set_minor_formatter(_plainly if within_ten else NullFormatter())
    ax.grid(axis="y", color=GRID)
    _whole_numbers(ax)
    return with_fonts(figure)


def missing_figure(profile: Profile) -> Figure:
    """Share of missing values by column, largest first."""
    largest = sorted(profile.missing.items(), key=lambda column: (-column[1], column[0]))
    return _bars("Missing values", "share of rows", dict(largest), "{:.2%}", limit=1.0)


def quarantine_figure(rows: Mapping[str, int]) -> Figure:
    """Rows set aside by rule ("table.rule"), most first."""
    return _bars("Rows set aside, by rule", "rows", dict(sorted(rows.items(), key=lambda r: (-r[1], r[0]))), "{:,}")


def volume_figure(names: Sequence[str], rows: Sequence[Mapping[str, int]]) -> Figure:
    """Rows of every table in the snapshots, oldest first.

    names, rows  one per snapshot; rows by table
    """
    figure = new_figure(height=3.2)
    ax = new_axes(figure, "Rows of the tables, snapshot by snapshot", "", "rows, logarithmic")
    at = range(len(names))
    for i, table in enumerate(sorted({table for snapshot in rows for table in snapshot})):
        counts = [snapshot.get(table) or float("nan") for snapshot in rows]
        ax.plot(at, counts, color=PALETTE[i % len(PALETTE)], marker=MARKERS[i % len(MARKERS)], label=table)
    ax.set_yscale("log")
    ax.set_xticks(list(at), names, rotation=30, ha="right")
    ax.grid(axis="y", color=GRID)
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return with_fonts(figure)


def _bars(title: str, xlabel: str, values: Mapping[str, float], form: str, limit: float | None = None) -> Figure:
    drawn = dict(list(values.items())[:MOST_BARS])
    figure = new_figure(height=1.2 + 0.3 * len(drawn))
    ax = new_axes(figure, title, xlabel, "")
    at = range(len(drawn))
    ax.barh(at, list(drawn.values()), color=PALETTE[0], alpha=0.85, height=0.68)
    reach = limit or max(drawn.values())
    for y, value in zip(at, drawn.values(), strict=True):
        ax.text(value + 0.008 * reach, y, form.format(value), va="center", fontsize=9)
    ax.set_yticks(list(at), list(drawn))
    ax.set_xlim(0, reach * 1.1)
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.grid(axis="x", color=GRID)
    return with_fonts(figure)


def _few_dates(ax: Axes) -> None:
    from matplotlib.dates import AutoDateFormatter, AutoDateLocator

    locator = AutoDateLocator(minticks=3, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(AutoDateFormatter(locator))


def _plainly(value: float, _place: int) -> str:
    return f"{value:,.10g}"


def _whole_numbers(ax: Axes) -> None:
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
