"""Fast features: what a user's own past says about an item, computed from histories alone.

The same code answers offline and at serving, so an event sent a second ago counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.core.dataset import DAY_S, Histories
from components.features.tally import Tally

RECENT_DAYS = (14, 42, 91)
FADING_DAYS = 30  # half-life of what counts as lately
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
    own = Tally(histories.rows * n_items + histories.items, rows * np.int64(n_items) + items)
    faded = np.exp2(-(histories.now - histories.times) / (FADING_DAYS * DAY_S))
    out = _item_features(histories, own, np.maximum(_baskets(histories), 1)[rows], faded)
    lengths = np.maximum(histories.lengths, 1)[rows]
    for group in groups:
        shared = Tally(
            histories.rows * group.size + group.of[histories.items], rows * np.int64(group.size) + group.of[items]
        )
        out |= _group_features(histories, group.name, shared, lengths, faded)
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


def _item_features(histories: Histories, own: Tally, baskets: np.ndarray, faded: np.ndarray) -> dict[str, np.ndarray]:
    """baskets: (pairs,), of the pair's user, at least 1; faded: (events,), an event's weight."""
    bought, times, now = own.counts(), histories.times, histories.now
    first, last = own.first(times), own.last(times)
    age = np.where(bought > 0, (now - last) / DAY_S, FOREVER_DAYS)
    cadence = np.where(bought > 1, (last - first) / DAY_S / np.maximum(bought - 1, 1), FOREVER_DAYS)
    out = {
        "bought": bought,
        "bought_share": bought / baskets,
        "age_days": age,
        "tenure_days": np.where(bought > 0, (now - first) / DAY_S, FOREVER_DAYS),
        "cadence_days": cadence,
        "overdue": np.where(bought > 1, age / np.maximum(cadence, 0.5), -1.0),
        "decayed": own.sums(faded),
    }
    for days in RECENT_DAYS:
        out[f"bought_{days}d"] = own.sums((times >= now - days * DAY_S).astype(np.float64))
    return out


def _group_features(
    histories: Histories, name: str, shared: Tally, lengths: np.ndarray, faded: np.ndarray
) -> dict[str, np.ndarray]:
    """lengths: (pairs,), events of the pair's user, at least 1; faded: (events,)."""
    count = shared.counts()
    age = (histories.now - shared.last(histories.times)) / DAY_S
    return {
        f"{name}_bought": count,
        f"{name}_share": count / lengths,
        f"{name}_decayed": shared.sums(faded),
        f"{name}_age_days": np.where(count > 0, age, FOREVER_DAYS),
    }
