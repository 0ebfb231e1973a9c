"""The robustness report as files: JSON, a page, and curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import bundle
from components.evaluation.protocol import CUTOFF
from components.report import figures
from components.report.page import Page
from components.robustness.report import Report, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = ("report.html", "report.json", "curves.png")
COLUMNS = ("recommender", "level", f"NDCG@{CUTOFF}", "95 % interval", "lost", "95 % interval")


def write(report: Report, folder: Path) -> None:
    """Write FILES into an existing folder."""
    bundle.write_json(folder / "report.json", report)
    page(report).write(folder / "report.html")
    drawing(report["perturbations"]).savefig(folder / "curves.png")


def page(report: Report) -> Page:
    """The report as a page."""
    out = Page("Robustness", f"{report['users']:,} users of the test window, all items, NDCG@{CUTOFF}")
    out.verdict(report["passed"], "Robust enough" if report["passed"] else "Loses more than is allowed")
    out.text(
        "The users' histories are made worse on purpose and the recommender, trained on clean data, is asked "
        "again. What they bought afterwards stays as it was. Each point carries a 95 % bootstrap interval over "
        "users; the loss is relative to undisturbed histories, paired by user. Where one draw leaves the verdict "
        "open, the judged level is the mean of many draws."
    )
    if report.get("stand_in"):
        out.text(f"'{report['judged']}' is the order of {report['stand_in']}, which stands in for the ranker.")
    if report["left_out"]:
        out.text(f"Not shown: {', '.join(report['left_out'])}; it finds nothing even in undisturbed histories.")
    for name, part in report["perturbations"].items():
        out.heading(words(name).capitalize())
        out.verdict(part["passed"], f"{report['judged']} {part['reason']}")
        out.figure(drawing({name: part}), "", f"NDCG@{CUTOFF} against the {part['level_words']}; numbers below.")
        rows = [_row(who, point) for who, points in part["curves"].items() for point in points]
        out.table(COLUMNS, rows, f"level: {part['level_words']}")
    return out


def drawing(perturbations: Mapping[str, Any]) -> Figure:
    """One panel of curves per perturbation."""
    figure = figures.new_figure(height=3.6 * len(perturbations))
    for at, (name, part) in enumerate(perturbations.items(), start=1):
        ax = figures.new_axes(
            figure, words(name).capitalize(), part["level_words"], f"NDCG@{CUTOFF}", len(perturbations), 1, at
        )
        curves = part["curves"]
        x = [point["level"] for point in next(iter(curves.values()))]
        series = {who: [p["ndcg"] for p in points] for who, points in curves.items()}
        bands = {w: ([p["ndcg_low"] for p in ps], [p["ndcg_high"] for p in ps]) for w, ps in curves.items()}
        figures.draw_curves(ax, x, series, bands)
        ax.axvline(part["judged_level"], color=figures.SOFT, linestyle=":", linewidth=1)
        ax.annotate(
            " judged here", (part["judged_level"], 0.02), xycoords=("data", "axes fraction"), color=figures.SOFT
        )
    return figures.with_fonts(figure)


def _row(who: str, point: Mapping[str, float]) -> list[Any]:
    return [
        who,
        f"{point['level']:.0%}",
        point["ndcg"],
        f"[{point['ndcg_low']:.4f}, {point['ndcg_high']:.4f}]",
        f"{point['loss']:.1%}",
        f"[{point['loss_low']:.1%}, {point['loss_high']:.1%}]",
    ]
