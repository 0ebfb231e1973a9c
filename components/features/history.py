"""Fast features: what a user's own past says about an item, computed from histories alone.

The same code answers offline and at serving, so an event sent a second ago counts at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from components.core.dataset import DAY_S, Histories

RECENT_DAYS = (14, 42, 91)
# Stands for "never bought". A century, because no shop's events are older: an age beyond it would count as fresher.
FOREVER_DAYS = 36_500.0


@dataclass(frozen=True)
class Groups:
    """Which group (category, subcategory …) every catalogue item belongs to.

    name    names the features
    of      int32 (n_items,), group index of an item
    """

    name: str
    of: np.ndarray

    @property
    def indicator(self) -> sp.csr_matrix:
        """float32 CSR (n_items, groups)."""
        n = len(self.of)
        return sp.csr_matrix((np.ones(n, np.float32), (np.arange(n), self.of)), shape=(n, int(self.of.max()) + 1))


def pair_features(
    histories: Histories, n_items: int, rows: np.ndarray, items: np.ndarray, groups: list[Groups]
) -> dict[str, np.ndarray]:
    """Features of (user row, item) pairs.

    rows, items  int (pairs,)
    Returns      name → float32 (pairs,); ages in days, FOREVER_DAYS where there was no purchase
    Memory       a few numbers for each event, pair, and user and group
    """
    baskets = np.maximum(_baskets(histories), 1)
    bought_before = _Bought.of(histories, n_items)
    at = bought_before.places(rows, items)
    bought, first, last = (at(of) for of in (bought_before.count, bought_before.first, bought_before.last))
    age = np.where(bought > 0, (histories.now - last) / DAY_S, FOREVER_DAYS)
    cadence = np.where(bought > 1, (last - first) / DAY_S / np.maximum(bought - 1, 1), FOREVER_DAYS)
    out = {
        "bought": bought,
        "bought_share": bought / baskets[rows],
        "age_days": age,
        "tenure_days": np.where(bought > 0, (histories.now - first) / DAY_S, FOREVER_DAYS),
        "cadence_days": cadence,
        "overdue": np.where(bought > 1, age / np.maximum(cadence, 0.5), -1.0),
        "decayed": at(histories.matrix(n_items, half_life_days=30).data),
    }
    for days in RECENT_DAYS:
        out[f"bought_{days}d"] = at(bought_before.since(histories.now - days * DAY_S))
    for group in groups:
        out |= _group_features(histories, n_items, group, rows, items)
    return {name: values.astype(np.float32) for name, values in out.items()}


def user_features(histories: Histories) -> dict[str, np.ndarray]:
    """Features of user rows that need nothing but the history; name → float32 (n,)."""
    baskets = _baskets(histories)
    lengths = histories.lengths
    ends = histories.indptr[1:] - 1
    some = lengths > 0
    idle = np.full(len(histories), FOREVER_DAYS)
    idle[some] = (histories.now - histories.times[ends[some]]) / DAY_S
    span = np.zeros(len(histories))
    span[some] = (histories.now - histories.times[histories.indptr[:-1][some]]) / DAY_S
    recent = np.bincount(histories.rows[histories.times >= histories.now - 28 * DAY_S], minlength=len(histories))
    out = {
        "history_events": lengths,
        "history_baskets": baskets,
        "history_events_28d": recent,
        "history_basket_size": lengths / np.maximum(baskets, 1),
        "history_idle_days": idle,
        "history_days_per_basket": span / np.maximum(baskets, 1),
    }
    return {name: np.asarray(values, dtype=np.float32) for name, values in out.items()}


def _baskets(histories: Histories) -> np.ndarray:
    """int64 (n,), baskets per user."""
    return np.bincount(histories.rows[histories.basket_starts], minlength=len(histories))


@dataclass(frozen=True)
class _Bought:
    """What was bought, one place for each (user row, item), in their order: the order of `Histories.matrix`.

    keys   int64 (bought,), row · n_items + item
    place  int64 (events,), where each event, in the order of keys, belongs
    times  int64 (events,), in that order
    """

    n_items: int
    keys: np.ndarray
    place: np.ndarray
    times: np.ndarray

    @classmethod
    def of(cls, histories: Histories, n_items: int) -> _Bought:
        keys = histories.rows * n_items + histories.items
        order = np.argsort(keys, kind="stable")  # oldest first within a pair
        keys, place = np.unique(keys[order], return_inverse=True)
        return cls(n_items, keys, place, histories.times[order])

    @property
    def count(self) -> np.ndarray:
        """float32 (bought,)."""
        return np.bincount(self.place, minlength=len(self.keys)).astype(np.float32)

    @property
    def first(self) -> np.ndarray:
        """float64 (bought,), time of the first purchase."""
        return self.times[np.searchsorted(self.place, np.arange(len(self.keys)))].astype(np.float64)

    @property
    def last(self) -> np.ndarray:
        """float64 (bought,), time of the last purchase."""
        return self.times[np.searchsorted(self.place, np.arange(len(self.keys)), side="right") - 1].astype(np.float64)

    def since(self, time: int) -> np.ndarray:
        """float32 (bought,), purchases at or after a time."""
        return np.bincount(self.place[self.times >= time], minlength=len(self.keys)).astype(np.float32)

    def places(self, rows: np.ndarray, items: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """A function that gives the pairs their values of (bought,); 0 for a pair that was never bought."""
        wanted = rows.astype(np.int64) * self.n_items + items
        at = np.searchsorted(self.keys, wanted).clip(max=max(len(self.keys) - 1, 0))
        known = np.flatnonzero(self.keys[at] == wanted) if len(self.keys) else np.zeros(0, dtype=np.int64)

        def values(of: np.ndarray) -> np.ndarray:
            out = np.zeros(len(wanted), dtype=of.dtype)
            out[known] = of[at[known]]
            return out

        return values


def _group_features(
    histories: Histories, n_items: int, group: Groups, rows: np.ndarray, items: np.ndarray
) -> dict[str, np.ndarray]:
    indicator, of = group.indicator, group.of
    count = (histories.matrix(n_items) @ indicator).toarray()
    decayed = (histories.matrix(n_items, half_life_days=30) @ indicator).toarray()
    last = np.zeros(count.shape)
    np.maximum.at(last, (histories.rows, of[histories.items]), histories.times)
    pair = (rows, of[items])
    total = np.maximum(histories.lengths, 1)[rows]
    return {
        f"{group.name}_bought": count[pair],
        f"{group.name}_share": count[pair] / total,
        f"{group.name}_decayed": decayed[pair],
        f"{group.name}_age_days": np.where(count[pair] > 0, (histories.now - last[pair]) / DAY_S, FOREVER_DAYS),
    }
