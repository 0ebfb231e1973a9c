"""Figures for reports: drawn off screen, readable in print, told apart by people who do not see all colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008, https://jfly.uni-koeln.de/color/, ordered by contrast on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", ":")  # where the colours begin again
SOFT = "#5b6675"
WIDTH_IN = 8.0
NAME_SIZE = 8.5  # of names beside points, in points of 1/72 inch, as all that follows
LETTER_WIDTH = 0.62  # of its size, on average
DOT = 5.0  # from the middle of a dot to where a name may begin
NAME_UP = (-4.0, 4.0, -13.0, 13.0, -22.0, 22.0, -32.0, 32.0)  # where its foot may stand, the nearest first
NEAR = 2  # of them need no line to the point
# Product words may be Chinese, Japanese or Korean; the first installed one of these draws them.
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    "Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Arial Unicode MS",
)  # fmt: skip


def new_figure(width: float = WIDTH_IN, height: float = 4.0) -> Figure:
    """An empty figure, inches; it belongs to its caller, no global plotting state is touched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def new_axes(figure: Figure, title: str, xlabel: str, ylabel: str, *position: int) -> Axes:
    """Axes in the house's look; position as in `Figure.add_subplot`."""
    ax = figure.add_subplot(*position)
    ax.set_title(title, loc="left", fontsize=12.5)
    ax.set_xlabel(xlabel, color=SOFT)
    ax.set_ylabel(ylabel, color=SOFT)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("#c5ccd6")
    ax.tick_params(colors=SOFT, labelcolor="#1c2430")
    ax.set_axisbelow(True)
    return ax


def _reach(values: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """float64 (2, n): how far intervals reach below and above; where all users are alike, rounding passes the mean."""
    return np.maximum(np.stack([values - lows, highs - values]), 0)


def metric_bars(
    names: Sequence[str],
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    title: str,
    xlabel: str,
) -> Figure:
    """One horizontal bar per name, first on top, with its interval.

    values, lows, highs  one number per name, low <= value <= high; NaN draws nothing
    """
    values, lows, highs = (np.asarray(a, dtype=float) for a in (values, lows, highs))
    figure = new_figure(height=1.3 + 0.38 * len(names))
    ax = new_axes(figure, title, xlabel, "")
    at = np.arange(len(names))
    ax.barh(
        at,
        values,
        xerr=_reach(values, lows, highs),
        color=PALETTE[0],
        alpha=0.85,
        height=0.66,
        ecolor="#1c2430",
        capsize=3,
    )
    reach = np.nanmax(np.concatenate([highs, values, [0.0]]))
    for y, value, high in zip(at, values, highs, strict=True):
        if np.isfinite(value):
            ax.text(max(high, 0) + 0.015 * reach, y, f"{value:.3g}", va="center", fontsize=9)
    ax.set_yticks(at, names)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.grid(axis="x", color="#e6eaf0")
    return with_fonts(figure)


def curves(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    title: str,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> Figure:
    """One line per name over x.

    series  name → values, as long as x or shorter (drawn from the first x on)
    bands   name → (lows, highs), drawn as a shade around its line
    """
    figure = new_figure()
    draw_curves(new_axes(figure, title, xlabel, ylabel), x, series, bands)
    return with_fonts(figure)


def draw_curves(
    ax: Axes,
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> None:
    """Lines as in `curves` on given axes, for figures of several panels."""
    for i, (name, values) in enumerate(series.items()):
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        style = {"color": colour, "marker": marker, "linestyle": LINES[i // len(PALETTE) % len(LINES)]}
        ax.plot(x[: len(values)], values, **style, markersize=5, linewidth=2, label=name)
        if bands and name in bands:
            lows, highs = bands[name]
            ax.fill_between(x[: len(values)], lows, highs, color=colour, alpha=0.15, linewidth=0)
    ax.grid(color="#e6eaf0")
    if len(series) > len(PALETTE):  # too many to lie over the lines
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), handlelength=3)
    elif series:
        ax.legend(frameon=False)


def interval_plot(
    names: Sequence[str],
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    title: str,
    xlabel: str,
    reference: float = 0.0,
) -> Figure:
    """One point with its interval per name, against a vertical line at `reference` (for differences: 0)."""
    values, lows, highs = (np.asarray(a, dtype=float) for a in (values, lows, highs))
    figure = new_figure(height=1.3 + 0.42 * len(names))
    ax = new_axes(figure, title, xlabel, "")
    at = np.arange(len(names))
    ax.axvline(reference, color=SOFT, linewidth=1, linestyle="--")
    ax.errorbar(
        values,
        at,
        xerr=_reach(values, lows, highs),
        fmt="o",
        color=PALETTE[0],
        capsize=4,
        linewidth=2,
    )
    ax.set_yticks(at, names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="x", color="#e6eaf0")
    return with_fonts(figure)


def name_points(ax: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write each point's name beside it, where it covers no other name and no point as long as there is such a place.

    points  name → place in the axes' own numbers; drawn before, with limits and scales that stay
    """
    ax.figure.draw_without_rendering()  # the layout settles where the axes lie
    to_points = 72 / ax.figure.dpi
    at = {name: ax.transData.transform(place) * to_points for name, place in points.items()}
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in at.values()]
    for name, place in at.items():
        boxes = {(right, up): _name_box(name, *place, right, up) for up in NAME_UP for right in (DOT, -DOT)}
        best = min(boxes, key=lambda beside: sum(_overlap(boxes[beside], other) for other in taken))
        taken.append(boxes[best])
        ax.annotate(
            name,
            points[name],
            xytext=best,
            textcoords="offset points",
            fontsize=NAME_SIZE,
            ha="left" if best[0] > 0 else "right",
            arrowprops=None if best[1] in NAME_UP[:NEAR] else {"arrowstyle": "-", "color": SOFT, "linewidth": 0.5},
        )


def _name_box(name: str, x: float, y: float, right: float, up: float) -> tuple[float, float, float, float]:
    """Left, low, right and high end of a name that begins, or with `right` below 0 ends, so far from a point."""
    width = LETTER_WIDTH * len(name) * NAME_SIZE
    left = x + right - (width if right < 0 else 0)
    return left, y + up, left + width, y + up + NAME_SIZE


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Area that two boxes (left, low, right, high) share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def histogram_pair(
    reference: np.ndarray,
    current: np.ndarray,
    title: str,
    xlabel: str,
    names: tuple[str, str] = ("reference", "current"),
    bins: int = 30,
) -> Figure:
    """Two samples over the same bins, as shares, so that their shapes compare whatever their sizes.

    reference, current  float (n,), NaN left out; drawn between the 1st and 99th percentile of both
    """
    samples = [np.asarray(a, dtype=float)[np.isfinite(np.asarray(a, dtype=float))] for a in (reference, current)]
    low, high = np.quantile(np.concatenate(samples), [0.01, 0.99])
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    figure = new_figure(height=3.2)
    ax = new_axes(figure, title, xlabel, "share")
    for sample, name, colour in zip(samples, names, PALETTE, strict=False):
        share = np.histogram(sample.clip(edges[0], edges[-1]), bins=edges)[0] / max(len(sample), 1)
        ax.stairs(share, edges, fill=True, color=colour, alpha=0.28)
        ax.stairs(
            share,
            edges,
            color=colour,
            linewidth=1.8,
            label=f"{name} (n = {len(sample):,})",
        )
    ax.legend(frameon=False)
    ax.grid(axis="y", color="#e6eaf0")
    return with_fonts(figure)


def share_pair(
    reference: Mapping[str, float],
    current: Mapping[str, float],
    title: str,
    xlabel: str = "share",
    names: tuple[str, str] = ("reference", "current"),
    most: int = 15,
) -> Figure:
    """Shares of categories in two samples side by side; the `most` largest of both are drawn."""
    keys = sorted(
        {*reference, *current},
        key=lambda key: -(reference.get(key, 0) + current.get(key, 0)),
    )[:most]
    figure = new_figure(height=1.4 + 0.42 * len(keys))
    ax = new_axes(figure, title, xlabel, "")
    at = np.arange(len(keys))
    for shift, sample, name, colour in zip((-0.2, 0.2), (reference, current), names, PALETTE, strict=False):
        ax.barh(
            at + shift,
            [sample.get(key, 0) for key in keys],
            height=0.38,
            color=colour,
            alpha=0.85,
            label=name,
        )
    ax.set_yticks(at, keys)
    ax.invert_yaxis()
    ax.legend(frameon=False)
    ax.grid(axis="x", color="#e6eaf0")
    return with_fonts(figure)


@cache
def font_families() -> list[str]:
    """Font families to draw with: the always present one first, then an installed one for Chinese text."""
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *[name for name in CJK_FONTS if name in installed][:1]]


def with_fonts(figure: Figure) -> Figure:
    """Give all text of a finished figure the font families; returns the figure."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_fontfamily(font_families())
    return figure


def reliability(
    foretold: Sequence[float], happened: Sequence[float], title: str, event: str = "purchase", of: str = "candidates"
) -> Figure:
    """Foretold probability against what happened, bin by bin, both on a logarithmic scale; on the diagonal it is true.

    foretold, happened  shares in [0, 1]; a bin in which nothing is foretold or nothing happened cannot be drawn
    """
    figure = new_figure(height=5.0)
    ax = new_axes(figure, title, f"foretold probability of a {event}", f"share with a {event}")
    drawn = [(x, y) for x, y in zip(foretold, happened, strict=True) if x > 0 and y > 0]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ends = [min(map(min, drawn), default=0.01), max(map(max, drawn), default=1.0)]
    ax.plot(ends, ends, color=SOFT, linestyle="--", linewidth=1, label="what is foretold happens")
    ax.plot([x for x, _ in drawn], [y for _, y in drawn], color=PALETTE[0], marker="o", label=of)
    ax.legend(frameon=False)
    return figure
