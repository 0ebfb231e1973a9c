"""The probabilities of a fitted ranker, true for anybody: users who bought nothing in the target window count, too.

No list of such idle users can be right, so they neither train the ranker nor measure it. A probability is told to
anybody, though: without them it is too high by the share of those who stay away (decision 34).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from components.core.dataset import Histories
from components.core.ranking import ALL
from components.metrics.calibration import Reliability, reliability
from components.ranking.calibration import Calibration
from components.ranking.hybrid import Hybrid
from components.ranking.lambdamart import Lambdamart
from components.ranking.training import Table, TwoStageConfig, training_table

LEAST_BOUGHT = 100  # bought candidates that judge the probabilities; fewer say nothing about their error
MOST_TO_ONE = 4  # idle users drawn for each buyer that is held out; more cost time, and weights stand for them


def idle_table(
    hybrid: Hybrid,
    idle: Histories,
    buyers: tuple[int, int],
    config: TwoStageConfig,
    rng: np.random.Generator,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Table | None:
    """Candidates of idle users, as many users as there must be beside the buyers that are held out; None if none.

    buyers  how many there are, and how many of them are held out: idle users are drawn by the same share
    Returns pairs whose weights make the users that were drawn stand for that share of all
    """
    total, held_out = buyers
    share = held_out / max(total, 1)
    n = min(round(share * len(idle)), MOST_TO_ONE * held_out)
    if not n:
        return None
    drawn = idle.take(np.sort(rng.choice(len(idle), n, replace=False)))
    bought = sp.csr_matrix((n, len(hybrid.items)), dtype=np.float32)
    table = training_table(hybrid, drawn, bought, config, rng, progress, views=(ALL,))
    return replace(table, weights=table.weights * np.float32(share * len(idle) / n))


def calibrate(
    ranker: Lambdamart, table: Table, held_out: np.ndarray, nothing: Table | None, draw: np.random.Generator
) -> Reliability | None:
    """Give the ranker its curve of probabilities; return how true it is for users it was not fitted on.

    Only whole queries (all candidates) count, of held-out users and of those who bought nothing: one half of both
    gives the curve that the other half judges, then both give the curve that is kept. Where the judging half bought
    too few candidates, no probability is told.

    nothing  candidates of users who bought nothing; None: everybody bought something
    """
    buyers = table.keep(held_out & (table.groups % 2 == 0))
    first = _half(buyers, draw)
    scores, bought, weights = ranker.predict(buyers.features), buyers.labels, buyers.weights
    if nothing is not None:
        first = np.concatenate([first, _half(nothing, draw)])
        scores = np.concatenate([scores, ranker.predict(nothing.features)])
        bought = np.concatenate([bought, nothing.labels])
        weights = np.concatenate([weights, nothing.weights])
    half = Calibration.fit(scores[first], bought[first], weights[first])
    if half is None or bought[~first].sum() < LEAST_BOUGHT:
        return None
    ranker.calibration = Calibration.fit(scores, bought, weights)
    return reliability(half.probability(scores[~first]), bought[~first] > 0, weights=weights[~first])


def _half(table: Table, draw: np.random.Generator) -> np.ndarray:
    """bool (pairs,), true for those of half of the users, drawn at random."""
    users = np.unique(table.groups)
    return np.isin(table.groups, draw.choice(users, len(users) // 2, replace=False))
