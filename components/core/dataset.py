"""What models are fitted on and asked about: histories of users over one catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from components.core.content import ItemContent
from components.core.errors import DataError
from components.core.exposures import Exposures
from components.core.vocabulary import Vocabulary

DAY_S = 86_400
BLOCK_USERS = 256  # users scored at once: some dense float32 (256, n_items) blocks fit any laptop


@dataclass(frozen=True)
class Histories:
    """The past of n users, oldest event first, as one ragged array.

    indptr  int64 (n + 1,), events of user row u are indptr[u]:indptr[u + 1]
    items   int32 (events,), catalogue indices
    times   int64 (events,), unix seconds, not decreasing within a user
    now     unix seconds; every event lies before it
    users   int32 (n,), index in the user vocabulary or -1 for a user it does not know
    Events of one user at one time form one basket (`basket_starts`).
    """

    indptr: np.ndarray
    items: np.ndarray
    times: np.ndarray
    now: int
    users: np.ndarray

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]], times: Sequence[Sequence[int]], now: int) -> Histories:
        """Histories of unknown users from nested lists, e.g. a history sent with a request."""
        lengths = [len(s) for s in sequences]
        return cls(
            np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64),
            np.asarray([i for s in sequences for i in s], dtype=np.int32),
            np.asarray([t for s in times for t in s], dtype=np.int64),
            int(now),
            np.full(len(lengths), -1, dtype=np.int32),
        )

    @property
    def lengths(self) -> np.ndarray:
        """int64 (n,), events per user."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> np.ndarray:
        """int64 (events,), user row of every event."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def basket_starts(self) -> np.ndarray:
        """bool (events,), true at the first event of every basket."""
        rows, times = self.rows, self.times
        starts = np.ones(len(times), dtype=bool)
        starts[1:] = (rows[1:] != rows[:-1]) | (times[1:] != times[:-1])
        return starts

    def of_user(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Items and times of one user row."""
        part = slice(self.indptr[row], self.indptr[row + 1])
        return self.items[part], self.times[part]

    def hold(self, rows: np.ndarray, items: np.ndarray, n_items: int) -> np.ndarray:
        """bool (pairs,), whether the item is in the history of the row; rows, items int (pairs,)."""
        return np.isin(rows.astype(np.int64) * n_items + items, self.rows.astype(np.int64) * n_items + self.items)

    def take(self, rows: np.ndarray) -> Histories:
        """Histories of the given user rows, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        lengths = self.lengths[rows]
        indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        at = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        return Histories(indptr, self.items[at], self.times[at], self.now, self.users[rows])

    def keep(self, mask: np.ndarray) -> Histories:
        """Histories with only the events where mask, bool (events,), is true; users stay."""
        kept = np.bincount(self.rows[mask], minlength=len(self))
        indptr = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
        return replace(self, indptr=indptr, items=self.items[mask], times=self.times[mask])

    def blocks(self, size: int = BLOCK_USERS) -> Iterator[Histories]:
        """Consecutive parts of at most `size` users, so that memory stays bounded."""
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))

    def matrix(self, n_items: int, *, half_life_days: float | None = None, binary: bool = False) -> sp.csr_matrix:
        """float32 CSR (n, n_items): events per user and item.

        half_life_days  weigh an event by 0.5 ** (age / half life) instead of 1
        binary          1 where there is any event
        """
        weights = np.ones(len(self.items), dtype=np.float32)
        if half_life_days is not None:
            weights = np.exp2(-(self.now - self.times) / (half_life_days * DAY_S)).astype(np.float32)
        m = sp.csr_matrix((weights, (self.rows, self.items)), shape=(len(self), n_items), dtype=np.float32)
        m.sum_duplicates()
        if binary:
            m.data[:] = 1
        return m


@dataclass(frozen=True)
class Dataset:
    """All that a model may be fitted on: everything known before one cut-off time.

    users, items  vocabularies, fitted on these events only
    histories     one row per user of `users`, in its order
    content       what the items of `items` are, where that is known
    exposures     what was shown and whether it was clicked, where the shop logs it
    fold          name of the fold of a split that this is, "" where it is none
    """

    users: Vocabulary
    items: Vocabulary
    histories: Histories
    content: ItemContent | None = None
    exposures: Exposures | None = None
    fold: str = ""

    def __post_init__(self) -> None:
        """Check the shapes once, at the border."""
        h = self.histories
        if len(h) != len(self.users):
            raise DataError(f"dataset: {len(h)} histories for {len(self.users)} users.")
        if len(h.items) and (h.items.min() < 0 or h.items.max() >= len(self.items)):
            raise DataError("dataset: an event names an item outside the catalogue.")
        if len(h.times) and h.times.max() >= h.now:
            raise DataError("dataset: an event lies at or after the cut-off time.")
        if self.content is not None and len(self.content) != len(self.items):
            raise DataError(f"dataset: content of {len(self.content)} items for {len(self.items)} items.")

        shown = self.exposures
        if shown is not None and len(shown) and shown.times.max() >= h.now:
            raise DataError("dataset: something was shown at or after the cut-off time.")

    @property
    def now(self) -> int:
        """The cut-off time, unix seconds."""
        return self.histories.now

    @classmethod
    def from_events(cls, user_ids: np.ndarray, item_ids: np.ndarray, times: np.ndarray, now: int) -> Dataset:
        """Dataset of raw events (text ids, unix seconds) in any order."""
        users, items = Vocabulary.fit(user_ids), Vocabulary.fit(item_ids)
        return cls.indexed(users, items, users.encode(user_ids), items.encode(item_ids), times, now)

    @classmethod
    def indexed(
        cls,
        users: Vocabulary,
        items: Vocabulary,
        user: np.ndarray,
        item: np.ndarray,
        times: np.ndarray,
        now: int,
    ) -> Dataset:
        """Dataset of events that already carry vocabulary indices, in any order."""
        order = np.lexsort((item, times, user))
        return cls.in_order(users, items, user[order], np.asarray(item)[order], np.asarray(times)[order], now)

    @classmethod
    def in_order(
        cls,
        users: Vocabulary,
        items: Vocabulary,
        user: np.ndarray,
        item: np.ndarray,
        times: np.ndarray,
        now: int,
    ) -> Dataset:
        """Dataset of indexed events that are sorted by user, time and item."""
        indptr = np.concatenate(([0], np.cumsum(np.bincount(user, minlength=len(users))))).astype(np.int64)
        histories = Histories(
            indptr,
            item.astype(np.int32, copy=False),
            times.astype(np.int64, copy=False),
            int(now),
            np.arange(len(users), dtype=np.int32),
        )
        return cls(users, items, histories)
