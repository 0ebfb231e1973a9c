"""Order: one user's whole catalogue from best to last, told only as far as it is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.core.ranking import NO_ITEM
from components.core.sparse import look_up
from components.ranking.list_policy import ListPolicy
from components.retrieval.evidence import Common, walk


@dataclass(frozen=True)
class Order:
    """A head of scored items, and behind it everything else by popularity.

    head     int64 (m,), scored items, no longer than needed; all score at `bound` or above
    scores   float32 (m,), theirs
    popular  everyone's list, which scores the others: popularity + shift, all below the head's
    shift    float
    seen     int, items that may not stand because the user has them; None: all may
    allowed  bool (n_items,), items that may stand; None: all
    """

    head: np.ndarray
    scores: np.ndarray
    popular: Common
    shift: np.float32
    seen: np.ndarray | None = None
    allowed: np.ndarray | None = None

    def first(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Items, int64, and float32 scores of the first k that may stand; of equal scores, the first items.

        Raises  ValueError if a score is NaN
        """
        if np.isnan(self.scores).any():
            raise ValueError("order: a score is NaN")
        kept = self.may_stand(self.head)
        items, scores = self.head[kept], self.scores[kept]
        order = np.lexsort((items, -scores))[:k]
        items, scores = items[order], scores[order]
        if len(items) < k:
            without = self.head if self.seen is None else np.concatenate((self.head, self.seen))
            fillers = walk(self.popular.order, k - len(items), without, self.allowed)
            items, scores = np.concatenate((items, fillers)), np.concatenate((scores, self._filler_scores(fillers)))
        return items, scores.astype(np.float32)

    def may_stand(self, items: np.ndarray) -> np.ndarray:
        """bool, which of these items may stand in a list."""
        kept = np.ones(len(items), dtype=bool) if self.allowed is None else self.allowed[items]
        return kept if self.seen is None else kept & ~np.isin(items, self.seen)

    def scores_of(self, items: np.ndarray) -> np.ndarray:
        """float32, the scores of any items, those that may not stand included."""
        own = look_up(self.head, self.scores.astype(np.float32), items, np.nan)  # `first` refuses a NaN of the head
        return np.where(np.isnan(own), self._filler_scores(items), own)

    def _filler_scores(self, items: np.ndarray) -> np.ndarray:
        return (self.popular.scores[items] + self.shift).astype(np.float32)


def best(order: Order, k: int, policy: ListPolicy | None = None) -> tuple[np.ndarray, np.ndarray]:
    """int32 (k,), one list, as the policy wants it, -1 where it runs short, and float32 (k,) scores, NaN there."""
    out, scores = np.full(k, NO_ITEM, dtype=np.int32), np.full(k, np.nan, dtype=np.float32)
    if policy is None or policy.plain:
        items, told = order.first(k)
        out[: len(items)], scores[: len(items)] = items, told
        return out, scores
    out[:] = policy.best(order.first, k, order.may_stand)
    real = out >= 0
    scores[real] = order.scores_of(out[real])
    return out, scores
