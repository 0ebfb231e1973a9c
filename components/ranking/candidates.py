"""Candidates: the best items of every model, united."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.core.dataset import Histories
from components.ranking.best_of_dense import best_of_dense


@dataclass(frozen=True)
class Candidates:
    """(user row, item) pairs worth ranking, sorted by row.

    rows, items  int64 (pairs,)
    seen         bool (pairs,), the item is in the user's history
    scores       model name → float32 (pairs,)
    ranks        model name → float32 (pairs,), 1 + number of the user's unfiltered candidates with a larger score
    """

    rows: np.ndarray
    items: np.ndarray
    seen: np.ndarray
    scores: dict[str, np.ndarray]
    ranks: dict[str, np.ndarray]

    def keep(self, mask: np.ndarray) -> Candidates:
        """The pairs where mask, bool (pairs,), is true; what is known of a pair does not change."""
        scores, ranks = ({name: of[mask] for name, of in each.items()} for each in (self.scores, self.ranks))
        return Candidates(self.rows[mask], self.items[mask], self.seen[mask], scores, ranks)


def propose(
    dense: dict[str, np.ndarray], histories: Histories, per_model: int, *, allowed: np.ndarray | None = None
) -> Candidates:
    """Union over the models of the best `per_model` items, and of the best `per_model` items new to the user.

    dense    model name → float32 (len(histories), n_items) scores
    allowed  bool (n_items,): only these items, drawn from among them; ranks still refer to the unfiltered union, so
             that a filter leaves out items and changes nothing about the others
    """
    pool = _union(dense, histories, per_model, None)
    chosen = pool if allowed is None else (pool | _union(dense, histories, per_model, allowed)) & allowed
    at = np.flatnonzero(chosen)
    rows, items = np.divmod(at, chosen.shape[1])
    seen = np.zeros(chosen.size, dtype=bool)
    seen[histories.rows * chosen.shape[1] + histories.items] = True
    scores = {name: np.take(of, at) for name, of in dense.items()}
    if chosen is pool:
        ranks = {name: _ranks(rows, of, rows, of) for name, of in scores.items()}
    else:
        of_pool = np.flatnonzero(pool)
        pool_rows = of_pool // pool.shape[1]
        ranks = {name: _ranks(pool_rows, np.take(of, of_pool), rows, scores[name]) for name, of in dense.items()}
    return Candidates(rows, items, seen[at], scores, ranks)


def _union(
    dense: dict[str, np.ndarray], histories: Histories, per_model: int, allowed: np.ndarray | None
) -> np.ndarray:
    """bool (n, n_items), true for what any model puts among its best, of all items or of new ones."""
    chosen = np.zeros(next(iter(dense.values())).shape, dtype=bool)
    for scores in dense.values():
        chosen.ravel()[best_of_dense(scores, histories, per_model, allowed)] = True
    return chosen


def _ranks(pool_rows: np.ndarray, pool_scores: np.ndarray, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """float32 (pairs,): 1 + how many of the row's pool score higher; pool_rows must not decrease."""
    pool = np.sort(_falling(pool_rows, pool_scores))
    higher = np.searchsorted(pool, _falling(rows, scores)) - np.searchsorted(pool_rows, rows)
    return (1 + higher).astype(np.float32)


def _falling(rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """int64 (pairs,): numbers that rise with the row and, within it, fall with the score, equal for equal scores.

    The bits of a float, read as an integer, order positive floats as they are and negative ones the other way round.
    """
    bits = (0 - scores.astype(np.float32)).view(np.int32).astype(np.int64)  # 0 - x: there is one zero only
    return (rows.astype(np.int64) << 32) + np.where(bits < 0, np.int64(-(2**31)) - bits - 1, bits)
