"""The report as one offline page, with NDCG and its intervals, and accuracy against cost, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.benchmark import text
from components.benchmark.standings import LEAST_MEASURED_S
from components.report.figures import PALETTE, interval_plot, name_points, new_axes, new_figure, with_fonts
from components.report.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write(report: dict[str, Any], path: Path) -> Path:
    """Write the page; returns its path."""
    k = report["asked"]["k"]
    page = Page(text.title(report), subtitle="Benchmark: every model on the same data, split and machine")
    page.text(f"The command that makes these figures again: {text.command(report)}")
    for sentence in text.protocol_sentences(report):
        page.text(sentence)
    for view in report["asked"]["views"]:
        page.heading(f"Ranking {text.VIEW_WORDS[view]}")
        counted = report["views"][view]["counted"]
        page.figure(accuracy(report, view), f"NDCG@{k}, mean over {counted:,} users; lines are 95 % intervals.",
                    f"NDCG@{k} of every model, {text.VIEW_WORDS[view]}")  # fmt: skip
        page.table(*text.table(report, view))
        if any(entry["cost"] for entry in report["entries"].values()):
            page.figure(cost(report, view), f"NDCG@{k} against the CPU seconds of the fit: up and left is better.",
                        f"NDCG@{k} against CPU seconds")  # fmt: skip
        page.table(*text.slice_rows(report, view), caption=f"NDCG@{k} by slice of the users")
    for heading, lines in (("Not in the table", text.absent(report)), ("Remarks", text.remarks(report))):
        if lines:
            page.heading(heading)
            page.text("\n".join(lines))
    page.heading("Options")
    page.table(*text.option_rows(report))
    return page.write(path)


def accuracy(report: dict[str, Any], view: str) -> Figure:
    """NDCG of every entrant with its interval, best on top."""
    k, part = report["asked"]["k"], report["views"][view]
    cells = [part["figures"][name][f"ndcg_at_{k}"] for name in part["order"]]
    columns = ([cell[end] for cell in cells] for end in ("mean", "low", "high"))
    return interval_plot(part["order"], *columns, f"Ranking {text.VIEW_WORDS[view]}", f"NDCG@{k}")


def cost(report: dict[str, Any], view: str) -> Figure:
    """NDCG against CPU seconds of the fit, one point per entrant whose cost is known."""
    k, part = report["asked"]["k"], report["views"][view]
    figure = new_figure(height=6.4)
    ax = new_axes(figure, "Accuracy against cost", "CPU seconds of the fit", f"NDCG@{k}")
    ax.set_xscale("log")
    costs = {name: report["entries"][name]["cost"] for name in part["order"]}
    points = {
        name: (
            max(cost["fit_cpu_seconds"], LEAST_MEASURED_S),  # a logarithmic axis has no zero
            part["figures"][name][f"ndcg_at_{k}"]["mean"],
        )
        for name, cost in costs.items()
        if cost
    }
    ax.scatter(*zip(*points.values(), strict=True), color=PALETTE[0], zorder=3)
    ax.margins(x=0.15, y=0.1)
    ax.grid(color="#e6eaf0")
    name_points(ax, points)
    return with_fonts(figure)
