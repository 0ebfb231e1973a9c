"""Histories cut into baskets: what one user did at one time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from components.core.dataset import Histories


@dataclass(frozen=True)
class Baskets:
    """The events of histories, grouped by user and time; a user's baskets follow one another, oldest first.

    items        int32 (events,), catalogue indices
    event_start  int64 (baskets + 1,), events of basket b are event_start[b]:event_start[b + 1]
    row_start    int64 (users + 1,), baskets of user row u are row_start[u]:row_start[u + 1]
    times        int64 (baskets,), unix seconds
    """

    items: np.ndarray
    event_start: np.ndarray
    row_start: np.ndarray
    times: np.ndarray

    @cached_property
    def rows(self) -> np.ndarray:
        """int64 (baskets,), user row of every basket."""
        return np.repeat(np.arange(len(self.row_start) - 1), np.diff(self.row_start))

    @cached_property
    def of_event(self) -> np.ndarray:
        """int64 (events,), basket of every event."""
        return np.repeat(np.arange(len(self.times)), np.diff(self.event_start))

    @cached_property
    def since(self) -> np.ndarray:
        """int64 (baskets,), baskets of the same user that came later."""
        return self.row_start[1:][self.rows] - 1 - np.arange(len(self.times))

    @cached_property
    def first_buy(self) -> np.ndarray:
        """bool (events,), no earlier basket of the user holds the item."""
        rows, times = self.rows[self.of_event], self.times[self.of_event]
        order = np.lexsort((times, self.items, rows))
        items = self.items[order]
        starts = (np.diff(rows[order], prepend=-1) != 0) | (np.diff(items, prepend=-1) != 0)
        earliest = times[order][starts][np.cumsum(starts) - 1]
        first = np.empty(len(rows), dtype=bool)
        first[order] = times[order] == earliest
        return first

    def contents(self, n_items: int) -> sp.csr_matrix:
        """float32 CSR (baskets, n_items): 1 where the basket holds the item."""
        ones = np.ones(len(self.items), dtype=np.float32)
        m = sp.csr_matrix((ones, (self.of_event, self.items)), shape=(len(self.times), n_items))
        m.sum_duplicates()
        m.data[:] = 1
        return m


def baskets_of(histories: Histories) -> Baskets:
    """Cut histories into their baskets."""
    starts = np.flatnonzero(histories.basket_starts)
    row_start = np.concatenate(([0], np.cumsum(np.bincount(histories.rows[starts], minlength=len(histories)))))
    return Baskets(histories.items, np.append(starts, len(histories.items)), row_start, histories.times[starts])
