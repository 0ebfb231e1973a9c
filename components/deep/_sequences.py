"""From histories to training batches: a step is a basket, its target is what the user buys next.

The lines of one basket carry one time and their order means nothing, so a model reads a history basket by basket.
A *window* is the last `length` baskets before some basket `end` (not part of it) of one user; its baskets sit at
the right end of `length` slots (left padding).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from components.core.baskets import Baskets, baskets_of
from components.core.dataset import Histories
from components.deep._config import SequenceConfig

LENGTH_MIX = 4.0  # windows of a batch differ by about so many slots: enough to mix users, little padding


@dataclass(frozen=True)
class Windows:
    """What a network reads: w windows of `length` slots each; slot s of window i has the flat index i * length + s.

    items  int32 (lines,), catalogue indices of all the windows' lines
    slots  int32 (lines,), flat slot each line sits in, not decreasing
    sizes  float32 (w, length), lines per slot; 0 marks padding
    """

    items: np.ndarray
    slots: np.ndarray
    sizes: np.ndarray

    def basket_vectors(self, vectors: np.ndarray) -> np.ndarray:
        """float32 (w, length, d): sum of the item vectors (n_items, d) of every slot over the root of its lines.

        The root keeps large and small baskets of unrelated items on one scale; a mean would shrink the large ones.
        """
        lines = sp.csr_matrix(
            (np.ones(len(self.items), dtype=np.float32), self.items, self._line_start()),
            shape=(self.sizes.size, len(vectors)),
        )
        sums = (lines @ vectors).reshape(*self.sizes.shape, -1)
        return sums / np.sqrt(np.maximum(self.sizes, 1))[..., None]

    def _line_start(self) -> np.ndarray:
        return np.concatenate(([0], np.cumsum(self.sizes.ravel(), dtype=np.int64)))


@dataclass(frozen=True)
class Targets:
    """What is to be foretold from flat slots of some windows.

    slots    int32 (queries,), flat slots to foretell from
    query    int32 (pairs,), index into `slots`
    items    int32 (pairs,), an item bought in one of the baskets that follow the slot
    weights  float32 (pairs,)
    """

    slots: np.ndarray
    query: np.ndarray
    items: np.ndarray
    weights: np.ndarray


def foretold(baskets: Baskets, targets: np.ndarray | None = None) -> np.ndarray:
    """bool (baskets,): which can be foretold: something lies before it, and it holds a target.

    targets  bool (n_items,); None: all
    """
    rows = baskets.rows
    able = np.arange(len(rows)) > baskets.row_start[rows]
    if targets is None or not len(rows):
        return able
    return able & np.logical_or.reduceat(targets[baskets.items], baskets.event_start[:-1])


def windows_of(baskets: Baskets, rows: np.ndarray, ends: np.ndarray, length: int) -> Windows:
    """The windows of `length` slots that end before basket `ends` (w,) of user `rows` (w,)."""
    begins = np.maximum(baskets.row_start[rows], ends - length)
    counts = ends - begins
    basket = ranges(begins, counts)
    slot = ranges(np.arange(1, len(ends) + 1) * length - counts, counts)
    return filled(baskets, basket, slot, (len(ends), length))


def filled(baskets: Baskets, basket: np.ndarray, slot: np.ndarray, shape: tuple[int, int]) -> Windows:
    """Windows of shape (w, length) with `basket` (n,) in flat `slot` (n,), rising; the other slots are padding."""
    lines = baskets.event_start[basket + 1] - baskets.event_start[basket]
    sizes = np.zeros(shape[0] * shape[1], dtype=np.float32)
    sizes[slot] = lines
    items = baskets.items[ranges(baskets.event_start[basket], lines)]
    return Windows(items, np.repeat(slot, lines).astype(np.int32), sizes.reshape(shape))


def last_windows(histories: Histories, length: int) -> Windows:
    """The last `length` baskets of every history, in no more slots than the longest of them needs."""
    baskets = baskets_of(histories)
    held = int(np.diff(baskets.row_start).max(initial=0))
    return windows_of(baskets, np.arange(len(histories)), baskets.row_start[1:], max(1, min(length, held)))


def targets_of(
    baskets: Baskets, slots: np.ndarray, after: np.ndarray, until: np.ndarray, repeat_weight: float
) -> Targets:
    """All lines of the baskets after <= b < until, for every query.

    slots          int (queries,), flat slots
    after, until   int (queries,), baskets
    repeat_weight  weight of an item the user had bought before the basket, against 1 for a first buy
    """
    start = baskets.event_start[after]
    counts = baskets.event_start[until] - start
    event = ranges(start, counts)
    weights = np.where(baskets.first_buy[event], 1.0, repeat_weight).astype(np.float32)
    query = np.repeat(np.arange(len(slots)), counts)
    return Targets(slots.astype(np.int32), query.astype(np.int32), baskets.items[event], weights)


def training_batches(
    baskets: Baskets, config: SequenceConfig, rng: np.random.Generator
) -> Iterator[tuple[Windows, Targets]]:
    """One epoch: a window of every user with two baskets or more, `batch_size` users at a time.

    A window ends before a random basket, so that all of a long history is used in time; it is as long as it can be.
    From at most `queries` of its slots the `horizon` baskets that follow are to be foretold.
    """
    held = np.diff(baskets.row_start)
    for part in batches_of_like_length(held, config, rng):
        shortest = np.minimum(held[part] - 1, config.max_length)
        length = int(shortest.max())
        ends = baskets.row_start[part] + rng.integers(shortest, held[part])
        windows = windows_of(baskets, part, ends, length)
        slots = np.flatnonzero(windows.sizes.ravel())
        slots = np.sort(rng.choice(slots, min(config.queries, len(slots)), replace=False))
        after = ends[slots // length] - length + slots % length + 1
        row_end = baskets.row_start[part + 1][slots // length]
        yield (
            windows,
            targets_of(baskets, slots, after, np.minimum(after + config.horizon, row_end), config.repeat_weight),
        )


def batches_of_like_length(held: np.ndarray, config: SequenceConfig, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Rows with two baskets or more, in batches of about one length, in random order: no time goes into padding."""
    rows = np.flatnonzero(held >= 2)
    lengths = np.minimum(held[rows] - 1, config.max_length)
    rows = rows[np.argsort(lengths + LENGTH_MIX * rng.random(len(rows)))]
    starts = np.arange(0, len(rows), config.batch_size)
    for begin in rng.permutation(starts):
        yield rows[begin : begin + config.batch_size]


def targets_after(
    baskets: Baskets, kept: np.ndarray, config: SequenceConfig, block: int
) -> Iterator[tuple[Windows, Targets]]:
    """Each user's window before what is kept back of him, and all he bought in it; `block` users each.

    kept  bool (events,), whole baskets and the last ones of their users; who has nothing before them is not asked
    """
    starts = baskets.event_start[:-1]
    later = np.bincount(baskets.rows[kept[starts]], minlength=len(baskets.row_start) - 1)
    rows = np.flatnonzero((later > 0) & (later < np.diff(baskets.row_start)))
    for begin in range(0, len(rows), block):
        part = rows[begin : begin + block]
        row_end = baskets.row_start[part + 1]
        after = row_end - later[part]
        length = min(config.max_length, int((after - baskets.row_start[part]).max()))  # no longer than the longest
        slots = np.arange(1, len(part) + 1) * length - 1
        windows = windows_of(baskets, part, after, length)
        yield windows, targets_of(baskets, slots, after, row_end, config.repeat_weight)


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenated integer ranges starts[i] … starts[i] + counts[i] - 1."""
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(starts - before, counts)
