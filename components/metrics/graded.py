"""Graded relevance: NDCG where a judgment says how relevant, not only whether."""

from __future__ import annotations

import numpy as np


def graded_ndcg(gains: np.ndarray, ideal: np.ndarray, *, k: int) -> float:
    """Normalised discounted cumulative gain at cutoff k of one query.

    gains    float (n,), gain of the item at each rank, 0 where it is not judged
    ideal    float (m,), gains of all judged items of the query, in any order
    Returns  in [0, 1]; NaN where no judged item has a gain
    Source   Järvelin & Kekäläinen 2002, doi:10.1145/582415.582418; the gain is the caller's
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = np.sort(ideal)[::-1][:k]
    most = float(best @ discounts[: len(best)])
    if most <= 0:
        return float("nan")
    found = gains[:k]
    return float(found @ discounts[: len(found)]) / most
