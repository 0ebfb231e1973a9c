"""Ranking metrics, one value per user; a user with nothing relevant gets NaN and does not count."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def hits(ranked: np.ndarray, relevant: sp.csr_matrix) -> np.ndarray:
    """bool (n, k), True where the item at that rank is relevant.

    ranked    int (n, k) catalogue indices, -1 where the list is shorter
    relevant  CSR (n, n_items), nonzero where the user bought the item
    """
    n, k = ranked.shape
    found = np.asarray(relevant[np.repeat(np.arange(n), k), ranked.ravel().clip(min=0)]).reshape(n, k) > 0
    return found & (ranked >= 0)


def ndcg(hits: np.ndarray, n_relevant: np.ndarray, *, k: int) -> np.ndarray:
    """Normalised discounted cumulative gain at cutoff k.

    hits        bool (n, >=k)
    n_relevant  int (n,), held-out items per user
    Returns     float64 (n,) in [0, 1]; NaN where n_relevant is 0.
    Raises      ValueError if k < 1 or hits has fewer than k columns.
    Source      Järvelin & Kekäläinen 2002, doi:10.1145/582415.582418, linear gain.
    """
    _check(hits, k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate(([np.nan], np.cumsum(discounts)))[np.minimum(n_relevant, k)]
    return (hits[:, :k] @ discounts) / ideal


def recall(hits: np.ndarray, n_relevant: np.ndarray, *, k: int) -> np.ndarray:
    """Share of the relevant items that the first k hold; float64 (n,) in [0, 1], NaN where n_relevant is 0."""
    _check(hits, k)
    return hits[:, :k].sum(axis=1) / _or_nan(n_relevant)


def hit_rate(hits: np.ndarray, n_relevant: np.ndarray, *, k: int) -> np.ndarray:
    """1 where any of the first k is relevant, else 0; NaN where n_relevant is 0."""
    _check(hits, k)
    return np.where(n_relevant > 0, hits[:, :k].any(axis=1), np.nan)


def mrr(hits: np.ndarray, n_relevant: np.ndarray, *, k: int) -> np.ndarray:
    """Reciprocal of the first relevant item's rank, 0 if none is in the first k; NaN where n_relevant is 0."""
    _check(hits, k)
    best = np.where(hits[:, :k].any(axis=1), 1 / (1 + hits[:, :k].argmax(axis=1)), 0.0)
    return np.where(n_relevant > 0, best, np.nan)


PER_USER = {"ndcg": ndcg, "recall": recall, "mrr": mrr, "hit_rate": hit_rate}


def _check(hits: np.ndarray, k: int) -> None:
    if k < 1 or hits.shape[1] < k:
        raise ValueError(f"metrics: cutoff k={k} needs at least k columns of hits, found {hits.shape[1]}")


def _or_nan(n: np.ndarray) -> np.ndarray:
    return np.where(n > 0, n, np.nan)
