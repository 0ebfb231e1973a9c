"""What one model says of a block of histories: its best items, and its scores of whichever pairs are asked about.

One class per form of a model. All give the same pairs and scores for the same scores, ties in the order of the
catalogue; `Listed` alone may miss an item, because it looks into some inverted lists only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from components.core.dataset import Histories
from components.core.ranking import exclude, top_k
from components.core.sparse import values_at
from components.retrieval.best_of_dense import best_of_dense
from components.retrieval.vectors import InvertedLists

SPARE = 2  # times as many as wanted are taken from the lists, whose scores are rounded, and scored again


class Evidence(ABC):
    """One model on one block of histories."""

    @abstractmethod
    def best(
        self, k: int, histories: Histories, *, only_new: bool, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows and items, int64, of every row's k best items of a score above 0; a row's best first.

        only_new  leave out what is in the history
        allowed   bool (n_items,), items to choose from; None: all
        """

    def best_of_both(
        self, k: int, histories: Histories, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows and items, int64, of the k best of all items and of the k best new ones, in any order, some twice."""
        views = [self.best(k, histories, only_new=new, allowed=allowed) for new in (True, False)]
        rows, items = (np.concatenate(parts) for parts in zip(*views, strict=True))
        return rows, items

    @abstractmethod
    def at(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """float32 (pairs,), the scores of these pairs."""


@dataclass
class Dense(Evidence):
    """scores  float32 (n, n_items)."""

    scores: np.ndarray

    def best(
        self, k: int, histories: Histories, *, only_new: bool, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """By a look at all scores."""
        evident = np.where(self.scores > 0, self.scores, -np.inf)
        best = top_k(exclude(evident, histories, seen=only_new, allowed=allowed), k)
        rows, places = np.nonzero(best >= 0)
        return rows, best[rows, places].astype(np.int64)

    def best_of_both(
        self, k: int, histories: Histories, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """By one look."""
        rows, items = np.divmod(best_of_dense(self.scores, histories, k, allowed), self.scores.shape[1])
        return rows, items

    def at(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """As they lie there."""
        return self.scores[rows, items]


@dataclass
class Sparse(Evidence):
    """scores  float32 CSR (n, n_items); what is not stored is 0."""

    scores: sp.csr_matrix

    def __post_init__(self) -> None:
        """ValueError if a score is NaN."""
        self.scores.sum_duplicates()
        if np.isnan(self.scores.data).any():
            raise ValueError("retrieval: a score is NaN")

    def best(
        self, k: int, histories: Histories, *, only_new: bool, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """By a look at what is stored."""
        scores, items = self.scores.data, self.scores.indices.astype(np.int64)
        rows = np.repeat(np.arange(self.scores.shape[0], dtype=np.int64), np.diff(self.scores.indptr))
        kept = scores > 0
        if allowed is not None:
            kept &= allowed[items]
        if only_new:
            kept &= ~histories.hold(rows, items, self.scores.shape[1])
        return _first(rows[kept], items[kept], scores[kept], k)

    def at(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stored ones, else 0."""
        return values_at(self.scores, rows, items)


class Common(Evidence):
    """The same scores for everyone: a list that is sorted once."""

    def __init__(self, scores: np.ndarray):
        """scores: float32 (n_items,); ValueError if one is NaN."""
        if np.isnan(scores).any():
            raise ValueError("retrieval: a score is NaN")
        self.scores = scores
        self.order = np.argsort(-scores, kind="stable")
        self._evident = self.order[: int((scores > 0).sum())]

    def best(
        self, k: int, histories: Histories, *, only_new: bool, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The front of the list, row by row."""
        found = [
            walk(self._evident, k, histories.of_user(row)[0] if only_new else None, allowed)
            for row in range(len(histories))
        ]
        rows = np.repeat(np.arange(len(found), dtype=np.int64), [len(items) for items in found])
        return rows, np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def at(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """The item's."""
        return self.scores[items]


class Listed(Evidence):
    """Inner products of queries and vectors, the best of them through inverted lists."""

    def __init__(self, index: ListedVectors, queries: np.ndarray, softmax: bool):
        """queries: float32 (n, d); softmax: as in `VectorModel`."""
        self._index, self._queries, self._softmax = index, queries, softmax
        self._found: dict[tuple[int, bool], np.ndarray] = {}
        self._spread: np.ndarray | None = None

    def best(
        self, k: int, histories: Histories, *, only_new: bool, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Twice as many as wanted from the lists, and as many as the longest history has; then by their true scores."""
        wanted = SPARE * k + (int(histories.lengths.max(initial=0)) if only_new else 0)
        found = self._near(min(wanted, len(self._index.vectors)), allowed)
        rows, places = np.nonzero(found >= 0)
        items = found[rows, places]
        if only_new:
            new = ~histories.hold(rows, items, len(self._index.vectors))
            rows, items = rows[new], items[new]
        scores = self.at(rows, items)
        kept = scores > 0
        return _first(rows[kept], items[kept], scores[kept], k)

    def at(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """From the vectors themselves."""
        products = np.einsum("pd,pd->p", self._queries[rows], self._index.vectors[items])
        if not self._softmax:
            return products
        if self._spread is None:
            self._spread = self._index.log_sum(self._queries, self._near(self._index.counted, None))
        n_items = len(self._index.vectors)
        return np.log1p(n_items * np.exp(np.minimum(products - self._spread[rows], 0))).astype(np.float32)

    def _near(self, k: int, allowed: np.ndarray | None) -> np.ndarray:
        key = (k, allowed is None)
        if allowed is not None:
            return self._index.lists.nearest(self._queries, k, self._index.probed, allowed)[0]
        if key not in self._found:
            self._found[key] = self._index.lists.nearest(self._queries, k, self._index.probed)[0]
        return self._found[key]


@dataclass(frozen=True)
class ListedVectors:
    """The vectors of a large catalogue, and their lists.

    vectors  float32 (n_items, d)
    probed   lists that a search looks into
    sample   int64, items drawn once, which stand for the far ones in the sum of a softmax
    counted  near items whose products are exact in that sum
    """

    vectors: np.ndarray
    lists: InvertedLists
    probed: int
    sample: np.ndarray
    counted: int = 200

    def log_sum(self, queries: np.ndarray, near: np.ndarray) -> np.ndarray:
        """float32 (n,), the logarithm of the sum of e^product over the catalogue: exact for the near items, which hold
        most of it, and by the sample for all others.

        near  int (n, m), -1 where there are fewer
        """
        far = queries @ self.vectors[self.sample].T
        close = np.einsum("nd,nmd->nm", queries, self.vectors[near.clip(min=0)])
        close[near < 0] = -np.inf
        for row, items in enumerate(near):
            far[row, np.isin(self.sample, items)] = -np.inf
        drawn = np.isfinite(far).sum(axis=1)
        weight = (len(self.vectors) - (near >= 0).sum(axis=1)) / np.maximum(drawn, 1)
        top = np.maximum(close.max(axis=1, initial=-np.inf), far.max(axis=1, initial=-np.inf))[:, None]
        total = np.exp(close - top).sum(axis=1) + weight * np.exp(far - top).sum(axis=1)
        return (np.log(total) + top[:, 0]).astype(np.float32)


def walk(order: np.ndarray, k: int, without: np.ndarray | None, allowed: np.ndarray | None) -> np.ndarray:
    """int64, the first k items of an order that are allowed and not among `without`.

    without  int, catalogue indices; None: nothing is left out
    allowed  bool (n_items,); None: all
    """
    length = k + (0 if without is None else len(without))
    while True:
        front = order[:length]
        kept = np.ones(len(front), dtype=bool) if allowed is None else allowed[front]
        if without is not None and len(without):
            kept &= ~np.isin(front, without)
        if kept.sum() >= k or length >= len(order):
            return front[kept][:k].astype(np.int64)
        length *= 4


def _first(rows: np.ndarray, items: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k pairs of largest score of every row; of equal scores, the first items."""
    order = np.lexsort((items, -scores, rows))
    rows, items = rows[order], items[order]
    kept = np.arange(len(rows)) - np.searchsorted(rows, rows) < k
    return rows[kept], items[kept]
