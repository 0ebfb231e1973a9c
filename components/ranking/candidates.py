"""Candidates: the best items of every model, united."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.core.dataset import Histories
from components.core.ranking import exclude, top_k


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
    rows, items = np.nonzero(chosen)
    seen = np.zeros(chosen.shape, dtype=bool)
    seen[histories.rows, histories.items] = True
    scores = {name: of[rows, items] for name, of in dense.items()}
    ranks = {name: _ranks(of, pool, rows, scores[name]) for name, of in dense.items()}
    return Candidates(rows, items, seen[rows, items], scores, ranks)


def _union(
    dense: dict[str, np.ndarray], histories: Histories, per_model: int, allowed: np.ndarray | None
) -> np.ndarray:
    """bool (n, n_items), true for what any model puts among its best, of all items or of new ones."""
    chosen = np.zeros(next(iter(dense.values())).shape, dtype=bool)
    for scores in dense.values():
        evident = np.where(scores > 0, scores, -np.inf)
        for only_new in (True, False):
            best = top_k(exclude(evident, histories, seen=only_new, allowed=allowed), per_model)
            rows, places = np.nonzero(best >= 0)
            chosen[rows, best[rows, places]] = True
    return chosen


def _ranks(dense: np.ndarray, pool: np.ndarray, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """float32 (pairs,): 1 + how many of the row's pool score higher; rows must not decrease."""
    starts = np.searchsorted(rows, np.arange(len(dense) + 1))
    ranks = np.empty(len(rows), dtype=np.float32)
    for row in range(len(dense)):
        part = slice(starts[row], starts[row + 1])
        ranks[part] = 1 + np.searchsorted(np.sort(-dense[row, pool[row]]), -scores[part])
    return ranks
