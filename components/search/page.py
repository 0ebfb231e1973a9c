"""The evaluation of a search index as one offline page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from components.report.figures import interval_plot, metric_bars
from components.report.page import Page

METRICS = {
    "ndcg_at_10": "NDCG@10", "ndcg_exp_at_10": "NDCG@10, 2^grade", "recall_at_10": "Recall@10",
    "recall_at_50": "Recall@50", "recall_at_100": "Recall@100", "mrr_at_10": "MRR@10",
}  # fmt: skip
MODES = {"lexical": "words alone", "dense": "vectors alone", "fused": "both, fused by rank"}


def write(report: dict[str, Any], path: Path) -> Path:
    """Write the page; returns its path."""
    page = Page("Search on judged queries", _subtitle(report))
    page.heading("How well")
    page.table(["way", *METRICS.values(), "interval of NDCG@10", "zero results"], _rows(report),
               "means over queries; over the whole catalogue, nothing sampled")  # fmt: skip
    page.figure(_modes(report), "Mean over queries; lines are 95 % intervals.", "bars of NDCG@10 by way of searching")
    if report["differences"]:
        page.figure(_differences(report), "Query by query; right of 0 is better than words alone.",
                    "paired differences to words alone")  # fmt: skip
    page.text(f"The index answers by {MODES[report['mode']]}.")
    if report["kinds"]:
        page.heading("Kinds of query")
        page.figure(_kinds(report), "A query may be of several kinds.", "bars of NDCG@10 by kind of query")
        page.table(["kind", "queries", "NDCG@10"], [[k, c["queries"], c["mean"]] for k, c in report["kinds"].items()])
    page.heading("How fast")
    times = [[MODES[m], f["latency_p50_ms"], f["latency_p99_ms"]] for m, f in report["modes"].items()]
    page.table(["way", "p50, ms", "p99, ms"], times, "one query after the other in this process, for 100 items each")
    page.heading("Worst queries")
    page.table(["query", "NDCG@10", "first items"],
               [[w["query"], w["ndcg_at_10"], ", ".join(w["first"]) or "none"] for w in report["worst"]])  # fmt: skip
    page.heading("Judgments")
    page.text(_judged(report))
    if report["left_out"]:
        examples = report["left_out_examples"]
        rows = [[reason, count, "; ".join(examples.get(reason, []))] for reason, count in report["left_out"].items()]
        page.table(["judgments", "number", "as in"], rows)
    return page.write(path)


def _subtitle(report: dict[str, Any]) -> str:
    return (
        f"{report['counted']:,} queries with a relevant item, {report['items']:,} items, index {report['index'][:12]}"
    )


def _judged(report: dict[str, Any]) -> str:
    alone = report["queries"] - report["counted"]
    return (
        f"{report['judgments']:,} judgments of {report['queries']:,} queries were used. {alone:,} queries have no "
        "relevant item in the index and count in no mean. An item nobody judged counts as irrelevant, so figures are "
        "lower bounds where judging was not complete."
    )


def _rows(report: dict[str, Any]) -> list[list[Any]]:
    out = []
    for mode, figures in report["modes"].items():
        main = figures["ndcg_at_10"]
        interval = "–" if main["low"] is None else f"{main['low']:.3f} … {main['high']:.3f}"
        cells = [figures[name]["mean"] for name in METRICS]
        out.append([MODES[mode], *cells, interval, f"{figures['zero_result_rate']:.1%}"])
    return out


def _modes(report: dict[str, Any]) -> Figure:
    names = [MODES[mode] for mode in report["modes"]]
    cells = [figures["ndcg_at_10"] for figures in report["modes"].values()]
    return metric_bars(names, *_columns(cells), "NDCG@10 by way of searching", "NDCG@10")


def _differences(report: dict[str, Any]) -> Figure:
    cells = list(report["differences"].values())
    names = [MODES[mode] for mode in report["differences"]]
    return interval_plot(names, *_columns(cells), "NDCG@10 minus that of words alone", "difference, 95 %")


def _kinds(report: dict[str, Any]) -> Figure:
    names = [f"{name} ({cell['queries']})" for name, cell in report["kinds"].items()]
    return metric_bars(names, *_columns(list(report["kinds"].values())), "NDCG@10 by kind of query", "NDCG@10")


def _columns(cells: list[dict[str, Any]]) -> tuple[list[float], ...]:
    return tuple([float("nan") if c[part] is None else c[part] for c in cells] for part in ("mean", "low", "high"))
