"""Measure an index on judgments: every query over the whole catalogue, one figure a query."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from components.metrics.graded import graded_ndcg
from components.search.analysis import HAN
from components.search.index import NOTHING, POPULAR, SUBSTITUTES, Found, Mode, SearchIndex

CUTOFF = 10
DEPTH = 100
RECALL_AT = (10, 50, 100)
Track = Callable[[Iterable], Iterable]


@dataclass(frozen=True)
class Run:
    """What one way of searching did for every query, in their order.

    lists    item ids and scores, at most DEPTH
    figures  metric → float (queries,), NaN where a query has no relevant item
    empty    bool (queries,), nothing held the words
    seconds  float (queries,), from the text to the ranked rows
    """

    lists: list[tuple[list[str], np.ndarray]]
    figures: dict[str, np.ndarray]
    empty: np.ndarray
    seconds: np.ndarray


def run(
    index: SearchIndex, grades: dict[str, dict[str, float]], mode: Mode | None, track: Track = iter
) -> tuple[Run, list[Found]]:
    """Ask all queries one by one; the first is asked twice, for what is loaded on first use is nobody's latency."""
    for query in list(grades)[:1]:
        index.search(query, DEPTH, mode=mode)
    lists, answers, seconds = [], [], []
    for query in track(grades):
        started = time.perf_counter()
        found = index.search(query, DEPTH, mode=mode)
        seconds.append(time.perf_counter() - started)
        answers.append(found)
        shown = found.hits.rows if found.fallback not in (POPULAR, NOTHING) else found.hits.rows[:0]
        lists.append((index.ids(shown), found.hits.scores[: len(shown)]))
    figures = measured([ids for ids, _ in lists], list(grades.values()))
    empty = np.array([found.fallback in SUBSTITUTES for found in answers], dtype=bool)
    return Run(lists, figures, empty, np.array(seconds)), answers


def measured(lists: list[list[str]], grades: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """Metric → one value a query.

    ndcg_at_10       gain is the grade, as trec_eval has it
    ndcg_exp_at_10   gain is 2^grade - 1, as Burges et al. 2005 have it, grades above 10 counting as 10
    recall_at_k, mrr_at_10  an item is relevant if its grade is above 0
    """
    rows = [_figures(ids, own) for ids, own in zip(lists, grades, strict=True)]
    names = rows[0] if rows else {}
    return {name: np.array([row[name] for row in rows]) for name in names}


def _figures(ids: list[str], own: dict[str, float]) -> dict[str, float]:
    gains = np.array([own.get(item, 0.0) for item in ids])
    ideal = np.array(list(own.values()))
    relevant = int((ideal > 0).sum())
    hits = np.flatnonzero(gains[:CUTOFF] > 0)
    out = {
        f"ndcg_at_{CUTOFF}": graded_ndcg(gains, ideal, k=CUTOFF),
        f"ndcg_exp_at_{CUTOFF}": graded_ndcg(_exponential(gains), _exponential(ideal), k=CUTOFF),
        f"mrr_at_{CUTOFF}": (1 / (1 + hits[0]) if len(hits) else 0.0) if relevant else float("nan"),
    }
    for k in RECALL_AT:
        out[f"recall_at_{k}"] = float((gains[:k] > 0).sum()) / relevant if relevant else float("nan")
    return out


def _exponential(grades: np.ndarray) -> np.ndarray:
    return 2.0 ** np.minimum(grades, 10) - 1


def kinds(queries: Iterable[str], answers: list[Found]) -> dict[str, np.ndarray]:
    """Kind → bool (queries,); a query may be of several."""
    texts = list(queries)
    words = [len(a.understood.words) + len(a.understood.dropped) for a in answers]
    chinese = np.array([bool(HAN.search(text)) for text in texts], dtype=bool)
    out = {
        "one word": ~chinese & np.array([n <= 1 for n in words], dtype=bool),
        "two or three words": ~chinese & np.array([2 <= n <= 3 for n in words], dtype=bool),
        "four words or more": ~chinese & np.array([n >= 4 for n in words], dtype=bool),
        "Chinese": chinese,
        "with a number": np.array([any(c.isdigit() for c in text) for text in texts], dtype=bool),
        "spelling corrected": np.array([a.understood.corrected is not None for a in answers], dtype=bool),
        "a word nothing holds": np.array([bool(a.understood.dropped) for a in answers], dtype=bool),
    }
    return {name: mask for name, mask in out.items() if mask.any()}
