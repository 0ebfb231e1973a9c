"""The model comparison as one offline page and as plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from components.evaluation.compare import with_interval
from components.evaluation.nominees import standing_in, words_of
from components.evaluation.protocol import CUTOFF, VIEW_WORDS, VIEWS
from components.report.figures import interval_plot, metric_bars
from components.report.page import Page

COLUMNS = {"ndcg": "NDCG", "recall": "Recall", "mrr": "MRR", "hit_rate": "HitRate", "coverage": "Coverage"}


def ordered(report: dict[str, Any], view: str) -> list[str]:
    """Names of all recommenders, best NDCG first."""
    return sorted(report["models"], key=lambda name: -report["models"][name][view][f"ndcg_at_{CUTOFF}"]["mean"])


def bars(report: dict[str, Any], view: str) -> Figure:
    """NDCG@10 of every recommender with its interval."""
    names = ordered(report, view)
    cells = [report["models"][name][view][f"ndcg_at_{CUTOFF}"] for name in names]
    columns = ([cell[part] for cell in cells] for part in ("mean", "low", "high"))
    heading = f"{VIEW_WORDS[view].capitalize()}: NDCG@{CUTOFF}"
    return metric_bars(names, *columns, heading, f"NDCG@{CUTOFF}, mean over users, 95 %")


def write(report: dict[str, Any], path: Path) -> Path:
    """Write the page; returns its path."""
    page = Page("Model comparison", subtitle=_subtitle(report))
    if standing_in(report):
        page.text(f"{words_of(report)} Below, 'ranker' is what is released: the order of {standing_in(report)}.")
    for view in VIEWS:
        page.heading(VIEW_WORDS[view].capitalize())
        page.figure(bars(report, view), f"Mean over {report['counted'][view]:,} users; lines are 95 % intervals.",
                    f"bars of NDCG@{CUTOFF}, {VIEW_WORDS[view].capitalize()}")  # fmt: skip
        page.table(
            ["recommender", *(f"{c}@{CUTOFF}" for c in COLUMNS.values()), "interval of NDCG"], _rows(report, view)
        )
        page.figure(_differences(report, view), "Ranker minus each other, user by user: right of 0 is better",
                    "paired differences of the ranker to every other recommender")  # fmt: skip
    page.heading("Who is served how well")
    slices = report["slices"]
    rows = [[name, s["users"], s["ranker"]["mean"], s["baseline"]["mean"]] for name, s in slices.items()]
    page.table(["users", "number", "NDCG@10 of the ranker", f"of {report['slice_baseline']}"], rows)
    if report["nominees"]:
        _tell_nominees(page, report["nominees"])
    page.heading("What this does not say")
    page.text(f"Split: {report['split']['method'].replace('_', ' ')}. What leaks: {report['split']['leaks']}.")
    page.text(
        f"{report['target_outside_share']:.1%} of the purchases in the window were of products outside the catalogue "
        "(bought by too few users before the cut-off, or new); no recommender could name them and they are not "
        f"counted. {report['target_unknown_users']:,} users had no history before the cut-off, or too "
        "little of it. Offline figures tell how well purchases are foretold, not how much a recommendation changes "
        "what is bought."
    )
    return page.write(path)


def _tell_nominees(page: Page, nominees: dict[str, Any]) -> None:
    """Both nominees' figures, and who was chosen why."""
    page.heading("The ranker and its stand-in")
    page.text(nominees["words"])
    named = {f"order of {name}": views for name, views in nominees["figures"].items()}
    rows = [[name, *(with_interval(views[view]) for view in VIEWS)] for name, views in named.items()]
    rows.append(["ranker minus stand-in", *(with_interval(nominees["differences"][view]) for view in VIEWS)])
    page.table([f"NDCG@{CUTOFF}", *(VIEW_WORDS[view] for view in VIEWS)], rows)


def _subtitle(report: dict[str, Any]) -> str:
    when = f"history before {report['cutoff_time']}, judged on what came after it"
    if not report["split"]["one_cutoff"]:
        when = "every user judged on the last thing they did"
    return f"{report['users']:,} users, {report['catalogue']:,} items ranked in full; {when}"


def _rows(report: dict[str, Any], view: str) -> list[list[Any]]:
    rows = []
    for name in ordered(report, view):
        cells = report["models"][name][view]
        ndcg = cells[f"ndcg_at_{CUTOFF}"]
        interval = f"{ndcg['low']:.4f} to {ndcg['high']:.4f}"
        rows.append([name, *(cells[f"{c}_at_{CUTOFF}"]["mean"] for c in COLUMNS), interval])
    return rows


def _differences(report: dict[str, Any], view: str) -> Figure:
    cells = report["differences"][view]
    columns = ([cell[part] for cell in cells.values()] for part in ("mean", "low", "high"))
    return interval_plot(list(cells), *columns, f"Ranker minus …, {VIEW_WORDS[view]}", f"difference of NDCG@{CUTOFF}")
