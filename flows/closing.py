"""What a person sees at the end of the loop: every step with its costs, and every recommender's figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from components.core import layout
from components.core.bundle import read_json
from components.core.schema import RANKER
from components.evaluation.nominees import standing_in, words_of
from components.evaluation.protocol import VIEW_WORDS
from flows.repro import RAN, Outcome

METRICS = {
    "ndcg_at_10": "NDCG@10",
    "recall_at_10": "Recall@10",
    "mrr_at_10": "MRR@10",
    "hit_rate_at_10": "HitRate@10",
    "coverage_at_10": "Coverage@10",
}
INTERVAL_SHOWN = "ndcg_at_10"
RUN_ID_SHOWN = 8
LOG_WIDTH = 120


def print_closing(outcomes: list[Outcome], wall_seconds: float, root: Path) -> None:
    """Print the steps with their costs, and the figures of the test window."""
    console = wide_console()
    console.print(_steps_table(outcomes, wall_seconds))
    report = read_json(root / layout.EVALUATION / "report.json")
    for view in VIEW_WORDS:
        console.print(_figures_table(report, view))
    if standing_in(report):
        console.print(f"'{RANKER}' above is what is released. {words_of(report)}")


def wide_console() -> Console:
    """The terminal as it is, or, in a log, lines long enough for our tables."""
    console = Console()
    return console if console.is_terminal else Console(width=LOG_WIDTH)


def _steps_table(outcomes: list[Outcome], wall_seconds: float) -> Table:
    out = Table(title="The loop, step by step", title_justify="left")
    out.add_column("step", no_wrap=True)
    out.add_column("", no_wrap=True)
    out.add_column("s", justify="right", no_wrap=True)
    out.add_column("MB", justify="right", no_wrap=True)
    out.add_column("result", overflow="fold")
    out.add_column("run", no_wrap=True)
    for o in outcomes:
        r = o.receipt
        out.add_row(o.step.name, o.done, f"{r.seconds:.1f}", f"{r.peak_mb:.0f}", r.summary, o.run_id[:RUN_ID_SHOWN])
    ran = [o.receipt.seconds for o in outcomes if o.done == RAN]
    peak = max(o.receipt.peak_mb for o in outcomes)
    out.add_section()
    out.add_row("sum", f"{len(ran)} ran", f"{sum(ran):.1f}", f"{peak:.0f}", "of the steps that ran; largest peak")
    out.add_row(
        "wall time", "", f"{wall_seconds:.1f}", "", "of the whole loop: steps overlap, DVC and Prefect take their share"
    )
    return out


def _figures_table(report: dict[str, Any], view: str) -> Table:
    """Every recommender's figures in one view, best NDCG@10 first."""
    out = Table(title=f"Test window, {VIEW_WORDS[view]}, full catalogue", title_justify="left")
    out.caption = f"in brackets: 95 % bootstrap interval; those of the others are in {layout.EVALUATION}/report.html"
    out.add_column("recommender", no_wrap=True)
    for words in METRICS.values():
        out.add_column(words, justify="right", no_wrap=True)
    figures = {name: views[view] for name, views in report["models"].items()}
    for name in sorted(figures, key=lambda n: -figures[n][INTERVAL_SHOWN]["mean"]):
        style = "bold" if name == RANKER else ""
        out.add_row(name, *(_cell(figures[name][metric], metric) for metric in METRICS), style=style)
    return out


def _cell(figure: dict[str, float], metric: str) -> str:
    interval = f" ({figure['low']:.3f}–{figure['high']:.3f})" if metric == INTERVAL_SHOWN else ""
    return f"{figure['mean']:.3f}{interval}"
