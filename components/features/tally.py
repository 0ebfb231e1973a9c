"""Tallies: sums over the events that share a key, for the keys somebody asks about.

One sort serves every sum. The sums are float64, whatever the order of the keys.
"""

from __future__ import annotations

import numpy as np


class Tally:
    """Events grouped by a key, and looked up by wanted keys; 0 where no event has the key."""

    def __init__(self, keys: np.ndarray, wanted: np.ndarray):
        """keys: int (events,), those of one key in time's order; wanted: int (pairs,)."""
        self._order = np.argsort(keys, kind="stable")
        in_order = keys[self._order]
        self._starts = np.flatnonzero(np.diff(in_order, prepend=-1))
        self._ends = np.append(self._starts[1:], len(keys))[: len(self._starts)]
        distinct = in_order[self._starts]
        at = np.searchsorted(distinct, wanted)
        found = np.append(distinct, -1)[at] == wanted  # keys are not negative
        self._at = np.where(found, at, len(distinct))  # one behind the last: nothing

    def counts(self) -> np.ndarray:
        """float64 (pairs,), events."""
        return self._told((self._ends - self._starts).astype(np.float64))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """float64 (pairs,), the sums of float64 values (events,)."""
        return self._told(np.add.reduceat(values[self._order], self._starts) if len(self._starts) else values)

    def first(self, times: np.ndarray) -> np.ndarray:
        """float64 (pairs,), the time of the first event."""
        return self._told(times[self._order[self._starts]].astype(np.float64))

    def last(self, times: np.ndarray) -> np.ndarray:
        """float64 (pairs,), the time of the last event."""
        return self._told(times[self._order[self._ends - 1]].astype(np.float64))

    def _told(self, by_key: np.ndarray) -> np.ndarray:
        return np.append(by_key, 0.0)[self._at]
