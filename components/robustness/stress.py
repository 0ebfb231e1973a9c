"""Stress: the same users asked again with worse histories, accuracy level by level.

Perturbed are the histories that are asked about, not those that were trained on: this measures serving on bad data.
Every recommender sees the same perturbed histories, so that their curves compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from components.core.dataset import Histories
from components.core.errors import DataError
from components.core.rng import stream
from components.evaluation.protocol import CUTOFF
from components.metrics.intervals import bootstrap_mean
from components.metrics.ranking import hits, ndcg
from components.robustness.perturbation import Perturbation

# int32 (n, >= CUTOFF) catalogue indices for n histories, best first, -1 where a list is short.
Recommender = Callable[[Histories], np.ndarray]


@dataclass(frozen=True)
class Trial:
    """The users asked, and what they went on to buy: CSR (n, n_items)."""

    histories: Histories
    relevant: sp.csr_matrix

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return self.relevant.shape[1]


@dataclass(frozen=True)
class Judged:
    """What a verdict is given on.

    level     of the perturbation
    max_loss  share of NDCG@10 that may be lost there
    draws     how often the perturbation is drawn anew where one draw does not settle it
    """

    level: float
    max_loss: float
    draws: int = 1


@dataclass(frozen=True)
class Point:
    """NDCG@10 at one level, and the share of level 0's that is lost, each with a 95 % interval."""

    level: float
    ndcg: float
    ndcg_low: float
    ndcg_high: float
    loss: float
    loss_low: float
    loss_high: float


def stress(
    recommenders: Mapping[str, Recommender],
    trial: Trial,
    undisturbed: Mapping[str, np.ndarray],
    perturbation: Perturbation,
    levels: Sequence[float],
    judged: Judged,
    seed: int,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, list[Point]]:
    """Accuracy curves of all recommenders under one perturbation; the first one is judged.

    One draw of a perturbation is a matter of luck. Where the first one's interval at the judged level holds the bound,
    all are asked again under more draws, and a user's accuracy is the mean of them.

    undisturbed  recommender → `accuracy` without perturbation: level 0, which comes first in every curve
    levels       in (0, 1], ascending
    seed         the same seed gives the same perturbed histories
    Raises       DataError if a recommender has no accuracy to lose.
    """
    values = {recommender: [undisturbed[recommender]] for recommender in recommenders}
    name = type(perturbation).__name__

    def drawn(level: float, *again: str) -> dict[str, np.ndarray]:
        worse = perturbation.apply(trial.histories, level, stream(seed, name, str(level), *again), trial.n_items)
        return {who: accuracy(recommend, worse, trial.relevant) for who, recommend in recommenders.items()}

    for level in progress(levels):
        found = drawn(level)
        if level == judged.level and not settled(judged, undisturbed, found, stream(seed, "settled", name)):
            draws = [found, *(drawn(level, str(draw)) for draw in range(1, judged.draws))]
            found = {who: np.mean([each[who] for each in draws], axis=0) for who in found}
        for who, accuracies in found.items():
            values[who].append(accuracies)
    return {
        recommender: curve((0.0, *levels), per_level, stream(seed, "bootstrap", recommender), recommender)
        for recommender, per_level in values.items()
    }


def settled(
    judged: Judged, before: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray], rng: np.random.Generator
) -> bool:
    """Whether the bound lies outside the interval of what the first recommender loses, or it has nothing."""
    first = next(iter(now))
    if not np.nanmean(before[first]) > 0:
        return True
    _, low, high = _relative_loss(before[first], now[first], rng)
    return not low <= judged.max_loss <= high


def accuracy(recommend: Recommender, histories: Histories, relevant: sp.csr_matrix) -> np.ndarray:
    """NDCG@10 per user, float64 (n,); asked in blocks so that memory stays bounded."""
    ranked = np.vstack([recommend(block) for block in histories.blocks()])
    return ndcg(hits(ranked, relevant), relevant.getnnz(axis=1), k=CUTOFF)


def curve(levels: Sequence[float], values: Sequence[np.ndarray], rng: np.random.Generator, who: str) -> list[Point]:
    """Means, losses and their intervals.

    values  float64 (n,) per level, the same users each time; the first is the undisturbed one
    """
    before = values[0]
    if not np.nanmean(before) > 0:
        raise DataError(f"stress: {who} finds nothing even in undisturbed histories; evaluate it before stressing it.")
    return [
        Point(level, *bootstrap_mean(now, rng), *_relative_loss(before, now, rng))
        for level, now in zip(levels, values, strict=True)
    ]


def judge(points: Sequence[Point], level: float, max_loss: float) -> tuple[bool, str]:
    """Whether the relative loss at the declared level stays within the declared bound, and why, in words."""
    point = next(p for p in points if p.level == level)
    passed = point.loss <= max_loss
    words = (
        f"loses {point.loss:.1%} of NDCG@{CUTOFF} ({point.loss_low:.1%} to {point.loss_high:.1%}) at level {level:g}, "
        f"at most {max_loss:.1%} allowed"
    )
    return passed, words


def _relative_loss(before: np.ndarray, now: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """1 - mean(now) / mean(before) with a paired interval of the linearised ratio (delta method)."""
    base = np.nanmean(before)
    kept = np.nanmean(now) / base
    _, low, high = bootstrap_mean((now - kept * before) / base, rng)
    return float(1 - kept), float(1 - kept - high), float(1 - kept - low)
