"""Candidates: the best items of every model, united."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.core.dataset import Histories
from components.core.ranking import exclude


@dataclass(frozen=True)
class Candidates:
    """(user row, item) pairs worth ranking, sorted by row.

    rows, items  int64 (pairs,)
    seen         bool (pairs,), the item is in the user's history
    scores       model name → float32 (pairs,)
    """

    rows: np.ndarray
    items: np.ndarray
    seen: np.ndarray
    scores: dict[str, np.ndarray]

    def keep(self, mask: np.ndarray) -> Candidates:
        """The pairs where mask, bool (pairs,), is true."""
        scores = {name: values[mask] for name, values in self.scores.items()}
        return Candidates(self.rows[mask], self.items[mask], self.seen[mask], scores)


def propose(
    dense: dict[str, np.ndarray],
    histories: Histories,
    per_model: int,
    *,
    exclude_seen: bool = False,
    allowed: np.ndarray | None = None,
) -> Candidates:
    """Union over the models of the best `per_model` items, and of the best `per_model` items new to the user.

    dense                  model name → float32 (len(histories), n_items) scores
    exclude_seen, allowed  as in core.ranking.exclude
    """
    shape = next(iter(dense.values())).shape
    chosen = np.zeros(shape, dtype=bool)
    for scores in dense.values():
        for only_new in (True,) if exclude_seen else (True, False):
            _mark_best(chosen, exclude(scores, histories, seen=only_new, allowed=allowed), per_model)
    rows, items = np.nonzero(chosen)
    seen = np.zeros(shape, dtype=bool)
    seen[histories.rows, histories.items] = True
    return Candidates(rows, items, seen[rows, items], {name: scores[rows, items] for name, scores in dense.items()})


def _mark_best(chosen: np.ndarray, scores: np.ndarray, n: int) -> None:
    """Mark each row's n best items that carry evidence (a finite score above 0)."""
    n = min(n, scores.shape[1])
    at = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    good = np.take_along_axis(scores, at, 1) > 0
    rows = np.broadcast_to(np.arange(len(scores))[:, None], at.shape)
    chosen[rows[good], at[good]] = True
