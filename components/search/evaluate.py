"""Evaluate an index: the report, its page, and the ranked lists from which anyone can compute the figures again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core import bundle, schema
from components.core.outputs import Output
from components.core.progress import track
from components.metrics.intervals import bootstrap_mean
from components.search import page
from components.search.index import LEXICAL, MODES, SearchIndex
from components.search.judgments import Judgments
from components.search.load import OFF
from components.search.measure import CUTOFF, Run, kinds, run

MAIN = f"ndcg_at_{CUTOFF}"
LISTS, REPORT, PAGE = "ranked.parquet", "report.json", "report.html"
QUERY = "query"
OUTPUT = Output(
    "an evaluation of a search index",
    {REPORT: ("queries",), OFF: ("why",)},
    (REPORT, PAGE, LISTS, "ranked_*.parquet", OFF),
)


def evaluate(index: SearchIndex, judgments: Judgments, out: Path, rng: np.random.Generator) -> dict[str, Any]:
    """Ask every judged query in every way the index can answer; returns the report.

    Writes  report.json, report.html, ranked.parquet (query, item_id, rank, score: the way the index answers by itself)
            and ranked_<mode>.parquet for the other ways
    """
    modes = [mode for mode in MODES if mode == LEXICAL or index.parts.space is not None]
    runs: dict[str, Run] = {}
    masks: dict[str, np.ndarray] = {}
    for mode in modes:
        runs[mode], answers = run(index, judgments.grades, mode, lambda q, mode=mode: track(q, f"search, {mode}"))
        if mode == index.mode:
            masks = kinds(judgments.grades, answers)
    report = _report(index, judgments, runs, masks, rng)
    with bundle.replacing(Path(out)) as fresh:
        bundle.write_json(fresh / REPORT, report)
        page.write(report, fresh / PAGE)
        for mode, done in runs.items():
            name = LISTS if mode == index.mode else f"ranked_{mode}.parquet"
            pq.write_table(_lists(list(judgments.grades), done), fresh / name)
    return report


def _report(
    index: SearchIndex, judgments: Judgments, runs: dict[str, Run], masks: dict[str, np.ndarray], rng: Any
) -> dict[str, Any]:
    main = runs[index.mode]
    counted = int((~np.isnan(main.figures[MAIN])).sum())
    return {
        "index": index.digest,
        "items": len(index),
        "mode": index.mode,
        "queries": len(judgments.grades),
        "counted": counted,
        "judgments": sum(map(len, judgments.grades.values())),
        "left_out": judgments.counts,
        "left_out_examples": {reason: list(told) for reason, told in judgments.examples.items()},
        "columns": {role: list(names) for role, names in judgments.found.items()},
        "modes": {mode: _figures(done, rng) for mode, done in runs.items()},
        "differences": {
            mode: _cell(done.figures[MAIN] - runs[LEXICAL].figures[MAIN], rng)
            for mode, done in runs.items()
            if mode != LEXICAL
        },
        "kinds": {
            name: {"queries": int(mask.sum()), **_cell(main.figures[MAIN][mask], rng)} for name, mask in masks.items()
        },
        "worst": _worst(list(judgments.grades), main),
    }


def _figures(done: Run, rng: np.random.Generator) -> dict[str, Any]:
    milliseconds = done.seconds * 1000
    return {name: _cell(values, rng) for name, values in done.figures.items()} | {
        "zero_result_rate": float(done.empty.mean()),
        "latency_p50_ms": float(np.quantile(milliseconds, 0.5)),
        "latency_p99_ms": float(np.quantile(milliseconds, 0.99)),
    }


def _cell(values: np.ndarray, rng: np.random.Generator) -> dict[str, float | None]:
    mean, low, high = bootstrap_mean(values, rng)
    return {
        name: None if np.isnan(v) else float(v)
        for name, v in zip(("mean", "low", "high"), (mean, low, high), strict=True)
    }


def _worst(queries: list[str], done: Run, most: int = 20) -> list[dict[str, Any]]:
    values = done.figures[MAIN]
    order = [int(i) for i in np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")[:most]]
    return [{QUERY: queries[i], MAIN: float(values[i]), "first": done.lists[i][0][:3]} for i in order if values[i] < 1]


def _lists(queries: list[str], done: Run) -> pa.Table:
    rows = [
        (query, item, rank, float(score))
        for query, (ids, scores) in zip(queries, done.lists, strict=True)
        for rank, (item, score) in enumerate(zip(ids, scores, strict=True), 1)
    ]
    query, item, rank, score = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    return pa.table({
        QUERY: pa.array(query, pa.string()), schema.ITEM_ID: pa.array(item, pa.string()),
        schema.RANK: pa.array(rank, pa.int32()), schema.SCORE: pa.array(score, pa.float64()),
    })  # fmt: skip
