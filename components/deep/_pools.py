"""Histories as weighted sums of their items, the latest baskets weighing most, and the examples to learn from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from components.core.baskets import Baskets, baskets_of
from components.core.dataset import Histories
from components.deep._sequences import Windows, foretold, last_windows, targets_of, windows_of


@dataclass(frozen=True)
class Pools:
    """The pasts of some users, pooled once for every decay.

    items    int32 (lines,), catalogue indices
    rows     int32 (lines,), user of each line, not decreasing
    weights  float32 (lines, decays): decay ** baskets since, scaled so that each user's squares sum to 1
    n        users
    """

    items: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    n: int

    def sums(self, vectors: np.ndarray) -> np.ndarray:
        """float32 (n, decays * d): the pooled vectors (n_items, d) of every decay side by side."""
        parts = [
            sp.csr_matrix((weights, (self.rows, self.items)), shape=(self.n, len(vectors))) @ vectors
            for weights in self.weights.T
        ]
        return np.hstack(parts).astype(np.float32)


@dataclass(frozen=True)
class Examples:
    """Pasts, the time each is asked at, and what was bought next.

    pools    one row per example
    times    int64 (examples,), unix seconds of the basket to be foretold
    query    int32 (pairs,), example of each target
    items    int32 (pairs,), targets
    weights  float32 (pairs,)
    """

    pools: Pools
    times: np.ndarray
    query: np.ndarray
    items: np.ndarray
    weights: np.ndarray


def pools_of(histories: Histories, decays: tuple[float, ...], length: int) -> Pools:
    """The last `length` baskets of every history."""
    return pooled(last_windows(histories, length), decays)


class ExampleMaker:
    """Draws examples from histories: a random basket of a user is foretold from those before it."""

    def __init__(
        self,
        histories: Histories,
        decays: tuple[float, ...],
        length: int,
        repeat_weight: float,
        targets: np.ndarray | None = None,
    ):
        """What examples are made of.

        repeat_weight  of a target the user had bought before, against 1 for a first buy
        targets        bool (n_items,), items that are to be foretold; a basket without any is read only. None: all
        """
        self.baskets: Baskets = baskets_of(histories)
        self.decays, self.length, self.repeat_weight, self.targets = decays, length, repeat_weight, targets
        self.able = np.flatnonzero(foretold(self.baskets, targets))

    def epoch(self, batch_size: int, per_user: int, rng: np.random.Generator) -> Iterator[Examples]:
        """At most `per_user` baskets of every user, in random order, `batch_size` at a time."""
        ends = self._chosen(per_user, rng)
        ends = ends[rng.permutation(len(ends))]
        rows = self.baskets.rows[ends]
        for start in range(0, len(ends), batch_size):
            yield self._examples(rows[start : start + batch_size], ends[start : start + batch_size])

    def per_epoch(self, per_user: int) -> int:
        """Examples of one epoch."""
        return int(np.minimum(np.bincount(self.baskets.rows[self.able]), per_user).sum())

    def _chosen(self, per_user: int, rng: np.random.Generator) -> np.ndarray:
        """int (examples,): baskets that may be foretold, at most `per_user` of each user, drawn anew."""
        rows, able = self.baskets.rows, self.able
        able = able[np.lexsort((rng.random(len(able)), rows[able]))]
        first = np.concatenate(([0], np.cumsum(np.bincount(rows[able], minlength=rows.max(initial=0) + 1))))
        return able[np.arange(len(able)) - first[rows[able]] < per_user]

    def _examples(self, rows: np.ndarray, ends: np.ndarray) -> Examples:
        windows = windows_of(self.baskets, rows, ends, self.length)
        targets = targets_of(self.baskets, np.arange(len(ends)), ends, ends + 1, self.repeat_weight)
        times = self.baskets.times[ends]
        kept = slice(None) if self.targets is None else self.targets[targets.items]
        pairs = targets.query[kept], targets.items[kept], targets.weights[kept]
        return Examples(pooled(windows, self.decays), times, *pairs)


def pooled(windows: Windows, decays: tuple[float, ...]) -> Pools:
    """Windows pooled once for every decay."""
    n, length = windows.sizes.shape
    rows, since = windows.slots // length, length - 1 - windows.slots % length
    weights = np.asarray(decays, dtype=np.float32) ** since[:, None]
    squares = np.stack([np.bincount(rows, w, minlength=n) for w in np.square(weights).T], axis=1)
    scale = 1 / np.sqrt(np.maximum(squares, 1e-12))
    return Pools(windows.items, rows.astype(np.int32), (weights * scale[rows]).astype(np.float32), n)
