"""The best items of a dense block of scores, for both views at once: among all items, and among those new to the user.

One pass: what is among a user's k best new items lies at or above their k-th score, and so does what is among the k
best of all. So all above that bound is taken, usually some hundred items of a row, and only that is sorted.
"""

from __future__ import annotations

import numpy as np

from components.core.dataset import Histories
from components.core.ranking import exclude, top_k

GROUP = 32  # items per group, of which only the largest score counts for the bound
BLOCK_CELLS = 400_000  # scores in hand at a time, so that they stay near the processor
CROWDED = 8  # so many times k items above the bound of a row on average: most scores are equal


def best_of_dense(scores: np.ndarray, histories: Histories, k: int, allowed: np.ndarray | None = None) -> np.ndarray:
    """int64, row · n_items + item: every row's k best items with a score above 0, and its k best new ones; unsorted.

    scores   float32 (n, n_items), one row for each history; equal scores in the order of the items
    allowed  bool (n_items,), items to choose from; None: all
    """
    n, n_items = scores.shape
    found = [np.zeros(0, dtype=np.int64)]
    rows_at_once = min(max(1, BLOCK_CELLS // max(n_items, 1)), 2**16)
    for start in range(0, n, rows_at_once):
        rows = np.arange(start, min(start + rows_at_once, n))
        found.append(_of_block(scores[rows[0] : rows[-1] + 1], histories.take(rows), k, allowed) + start * n_items)
    return np.concatenate(found)


def _of_block(scores: np.ndarray, histories: Histories, k: int, allowed: np.ndarray | None) -> np.ndarray:
    block = exclude(scores, histories, allowed=allowed)  # a copy
    seen = histories.rows * block.shape[1] + histories.items
    values = block.ravel()[seen]
    block.ravel()[seen] = -np.inf
    bound = _bound(block, k)
    block.ravel()[seen] = values
    at = np.flatnonzero((block >= bound[:, None]).ravel() if bound.any() else (block > 0).ravel())
    rows = at // block.shape[1]
    if len(at) > CROWDED * k * len(block) and block.shape[1] > CROWDED * k:
        return _one_by_one(block, histories, k)
    kept = block.ravel()[at] > 0
    at, rows = at[kept], rows[kept]
    order = np.argsort(-block.ravel()[at], kind="stable")
    order = order[np.argsort(rows[order].astype(np.uint16), kind="stable")]  # 16 bits are sorted by counting
    at, rows = at[order], rows[order]
    place = np.arange(len(at)) - np.searchsorted(rows, rows)
    new = np.ones(block.size, dtype=bool)
    new[seen] = False
    new = new[at]
    new_before = np.cumsum(new) - new
    new_place = new_before - new_before[np.searchsorted(rows, rows)]
    return at[(place < k) | (new & (new_place < k))]


def _bound(block: np.ndarray, k: int) -> np.ndarray:
    """float (n,): a score that at least k items of the row reach, where that is above 0; else 0."""
    n, n_items = block.shape
    groups = n_items // GROUP
    if groups < k:
        return np.zeros(n, dtype=block.dtype)
    largest = block[:, : groups * GROUP].reshape(n, GROUP, groups).max(axis=1)
    return np.maximum(np.partition(largest, groups - k, axis=1)[:, groups - k], 0)


def _one_by_one(block: np.ndarray, histories: Histories, k: int) -> np.ndarray:
    """The same, where so many scores are equal that sorting them all would take long."""
    evident = np.where(block > 0, block, -np.inf)
    found = []
    for only_new in (True, False):
        best = top_k(exclude(evident, histories, seen=only_new), k)
        rows, places = np.nonzero(best >= 0)
        found.append(rows * block.shape[1] + best[rows, places])
    return np.unique(np.concatenate(found))
