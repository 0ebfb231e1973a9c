"""Fast features: what a user's own past says about an item, computed from histories alone.

The same code answers offline and at serving, so an event sent a second ago counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from components.core.dataset import DAY_S, Histories
from components.core.sparse import look_up, values_at

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

    @cached_property
    def size(self) -> int:
        """How many groups there are."""
        return int(self.of.max(initial=-1)) + 1


def pair_features(
    histories: Histories, n_items: int, rows: np.ndarray, items: np.ndarray, groups: list[Groups]
) -> dict[str, np.ndarray]:
    """Features of (user row, item) pairs.

    rows, items  int (pairs,)
    Returns      name → float32 (pairs,); ages in days, FOREVER_DAYS where there was no purchase
    Cost         that of the histories and the pairs, whatever the size of the catalogue
    """
    baskets = np.maximum(_baskets(histories), 1)
    first, last = _first_and_last(histories, n_items, rows, items)
    bought = values_at(histories.matrix(n_items), rows, items)
    age = np.where(bought > 0, (histories.now - last) / DAY_S, FOREVER_DAYS)
    cadence = np.where(bought > 1, (last - first) / DAY_S / np.maximum(bought - 1, 1), FOREVER_DAYS)
    out = {
        "bought": bought,
        "bought_share": bought / baskets[rows],
        "age_days": age,
        "tenure_days": np.where(bought > 0, (histories.now - first) / DAY_S, FOREVER_DAYS),
        "cadence_days": cadence,
        "overdue": np.where(bought > 1, age / np.maximum(cadence, 0.5), -1.0),
        "decayed": values_at(histories.matrix(n_items, half_life_days=30), rows, items),
    }
    for days in RECENT_DAYS:
        recent = histories.keep(histories.times >= histories.now - days * DAY_S)
        out[f"bought_{days}d"] = values_at(recent.matrix(n_items), rows, items)
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


def _first_and_last(
    histories: Histories, n_items: int, rows: np.ndarray, items: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """float64 (pairs,) times of first and last purchase of these pairs; 0 where there is none."""
    keys = histories.rows.astype(np.int64) * n_items + histories.items
    order = np.lexsort((histories.times, keys))
    keys, times = keys[order], histories.times[order].astype(np.float64)
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    ends = np.append(starts[1:], len(keys))[: len(starts)] - 1
    wanted = rows.astype(np.int64) * n_items + items
    return look_up(keys[starts], times[starts], wanted), look_up(keys[starts], times[ends], wanted)


def _group_features(
    histories: Histories, n_items: int, group: Groups, rows: np.ndarray, items: np.ndarray
) -> dict[str, np.ndarray]:
    of = group.of
    count = _by_group(histories.matrix(n_items), group)
    decayed = _by_group(histories.matrix(n_items, half_life_days=30), group)
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


def _by_group(matrix: sp.csr_matrix, group: Groups) -> np.ndarray:
    """float32 (n, groups): the sums of a CSR (n, n_items) over the items of each group."""
    shape = (matrix.shape[0], group.size)
    return sp.csr_matrix((matrix.data, group.of[matrix.indices], matrix.indptr), shape=shape).toarray()
