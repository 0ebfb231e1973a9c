"""Tune an index on judgments: field weights by cross-fitting, and whether vectors pay. What does not pay is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from components.core.rng import stream
from components.metrics.intervals import bootstrap_mean
from components.search.build import BuildConfig, Extras, build
from components.search.engine import FieldWeights
from components.search.index import FUSED, LEXICAL, SearchIndex
from components.search.items import Items
from components.search.judgments import Judgments, read_judgments
from components.search.measure import CUTOFF, run

LEAST_QUERIES = 20  # with a relevant item; fewer judge nothing
GRID = {"brand": (0.0, 0.5, 1.5, 3.0), "category": (0.0, 0.5, 1.0, 2.0), "text": (0.0, 0.2, 0.5, 1.0, 2.0)}
MAIN = f"ndcg_at_{CUTOFF}"
Grades = dict[str, dict[str, float]]


def build_tuned(
    items: Items, config: BuildConfig, out: Path, seed: int, extras: Extras, judgments: Path
) -> dict[str, Any]:
    """Build, tune on the file of judgments, seal; returns what was decided and why, in words."""
    known = items.table["item_id"].to_pylist()
    judged = read_judgments(judgments, {}, {}, known)
    told: dict[str, Any] = {}

    def look(index: SearchIndex) -> dict[str, Any]:
        changes, words = tune(index, judged, stream(seed, "search tuning"))
        told.update(words)
        return changes

    build(items, config, out, stream(seed, "search"), extras, look)
    return told


def tune(index: SearchIndex, judgments: Judgments, rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, str]]:
    """What to change of an index's search.json, and the reasons in words.

    Weights fitted on one half of the queries are measured on the other half; they are taken only if that gain is
    believably above zero, and so is fusion.
    """
    grades = {q: own for q, own in judgments.grades.items() if max(own.values()) > 0}
    if len(grades) < LEAST_QUERIES:
        return {}, {"tuning": f"left out: {len(grades)} judged queries, at least {LEAST_QUERIES} are needed"}
    changes: dict[str, Any] = {}
    words: dict[str, str] = {}
    start = index.weights
    gain, low, high = bootstrap_mean(_held_out_gain(index, grades, rng), rng)
    words["tuned weights, held-out gain of NDCG@10"] = f"{gain:+.4f} ({low:+.4f} … {high:+.4f})"
    if low > 0:
        index.weights = _ascend(index, grades)
        changes["weights"] = index.weights.model_dump()
    else:
        index.weights = start
    words["weights"] = ("tuned: " if low > 0 else "as they were: ") + ", ".join(
        f"{k} {v:g}" for k, v in index.weights.model_dump().items()
    )
    if index.parts.space is not None:
        changes["mode"], words["fusion with vectors"] = _fusion(index, grades, rng)
    return changes, words


def _fusion(index: SearchIndex, grades: Grades, rng: np.random.Generator) -> tuple[str, str]:
    ndcg = {mode: run(index, grades, mode)[0].figures[MAIN] for mode in (LEXICAL, FUSED)}
    gain, low, high = bootstrap_mean(ndcg[FUSED] - ndcg[LEXICAL], rng)
    taken = low > 0
    return (FUSED if taken else LEXICAL), f"{'on' if taken else 'off'}: NDCG@10 {gain:+.4f} ({low:+.4f} … {high:+.4f})"


def _held_out_gain(index: SearchIndex, grades: Grades, rng: np.random.Generator) -> np.ndarray:
    queries = list(grades)
    start = index.weights
    before = _ndcg(index, grades, start)
    gains = np.zeros(len(queries))
    halves = rng.permutation(len(queries)) % 2
    for half in (0, 1):
        index.weights = start
        fitted = _ascend(index, {q: grades[q] for q, h in zip(queries, halves, strict=True) if h != half})
        inside = halves == half
        gains[inside] = (_ndcg(index, grades, fitted) - before)[inside]
    index.weights = start
    return gains


def _ascend(index: SearchIndex, grades: Grades) -> FieldWeights:
    """One field after the other, each at its best value given the others; ties go to what was there."""
    best, reached = index.weights, float(np.nanmean(_ndcg(index, grades, index.weights)))
    for name, values in GRID.items():
        for value in values:
            tried = best.model_copy(update={name: value})
            mean = float(np.nanmean(_ndcg(index, grades, tried)))
            if mean > reached + 1e-9:
                best, reached = tried, mean
    return best


def _ndcg(index: SearchIndex, grades: Grades, weights: FieldWeights) -> np.ndarray:
    index.weights = weights
    return run(index, grades, LEXICAL)[0].figures[MAIN]
