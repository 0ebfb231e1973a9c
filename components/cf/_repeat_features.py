"""What a user's purchases of one item say about the next: how often, how lately, against which rhythm and demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.core.baskets import baskets_of
from components.core.dataset import DAY_S, Histories

HALF_LIVES_DAYS = (7, 30, 120, 480)  # of decayed counts: from last week's habit to the whole past
FAINTEST = -5.0  # log of the decayed count below which an older purchase is as good as a still older one
DEMAND_DAYS = (91, 28, 14, 7)  # windows in which an item's sales are counted, each against the one before
PER_EVENTS = 1e5  # sales are counted per so many of all items' events, so that growth of the shop is no trend
LATELY_DAYS = 28
PRIOR_BASKETS = 5.0  # how many purchases a rare item's repeat rate is pulled towards the mean with


@dataclass(frozen=True)
class Pairs:
    """Every (user, item) with at least one purchase, sorted by user row and item.

    rows, items  int64 (pairs,)
    baskets      int64 (pairs,), baskets of the user that hold the item
    last, first  float64 (pairs,), days before `now`
    since        int64 (pairs,), baskets of the user after the last one with the item
    decayed      float64 (pairs, half lives), log of the decayed number of purchases
    """

    rows: np.ndarray
    items: np.ndarray
    baskets: np.ndarray
    last: np.ndarray
    first: np.ndarray
    since: np.ndarray
    decayed: np.ndarray


def pairs_of(histories: Histories) -> Pairs:
    """Group the events of histories by user and item; an item counts once per basket."""
    since = baskets_of(histories)
    since = since.since[since.of_event]
    rows, items = histories.rows, histories.items.astype(np.int64)
    order = np.lexsort((-since, items, rows))  # oldest basket first
    rows, items, since = rows[order], items[order], since[order]
    age = (histories.now - histories.times[order]) / DAY_S
    starts = _changes(rows, items)
    once = np.ones(len(rows), dtype=bool)
    once[1:] = starts[1:] | (since[1:] != since[:-1])
    rows, items, since, age = rows[once], items[once], since[once], age[once]
    at = np.flatnonzero(_changes(rows, items))
    counts = np.diff(np.append(at, len(rows)))
    last = age[at + counts - 1]
    extra = age - np.repeat(last, counts)
    decayed = np.empty((len(at), len(HALF_LIVES_DAYS)))
    for column, days in enumerate(HALF_LIVES_DAYS):
        sums = np.add.reduceat(np.exp2(-extra / days), at) if len(at) else np.empty(0)
        decayed[:, column] = np.logaddexp(np.log(sums) - last / days * np.log(2), FAINTEST)
    return Pairs(rows[at], items[at], counts, last, age[at], since[at + counts - 1], decayed)


def _changes(rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    starts = np.ones(len(rows), dtype=bool)
    starts[1:] = (rows[1:] != rows[:-1]) | (items[1:] != items[:-1])
    return starts


@dataclass(frozen=True)
class ItemRhythm:
    """How an item is bought, over all users; float32 (n_items,) each, rare items pulled to the mean.

    repeats  share of its purchases that came back
    gap      log of the usual days between two purchases by one user
    buyers   log of the number of its buyers
    """

    repeats: np.ndarray
    gap: np.ndarray
    buyers: np.ndarray


def rhythm_of(pairs: Pairs, n_items: int) -> ItemRhythm:
    """Rhythm of every item of the catalogue."""
    users = np.bincount(pairs.items, minlength=n_items)
    baskets = np.bincount(pairs.items, pairs.baskets, minlength=n_items)
    again = baskets - users
    span = np.log1p(np.maximum(pairs.first - pairs.last, 0) / np.maximum(pairs.baskets - 1, 1))
    spans = np.bincount(pairs.items, span * (pairs.baskets - 1), minlength=n_items)
    all_again = max(again.sum(), 1e-9)
    repeats = (again + PRIOR_BASKETS * again.sum() / max(baskets.sum(), 1)) / (baskets + PRIOR_BASKETS)
    gap = (spans + PRIOR_BASKETS * spans.sum() / all_again) / (again + PRIOR_BASKETS)
    return ItemRhythm(*(values.astype(np.float32) for values in (repeats, gap, np.log1p(users))))


def demand_of(histories: Histories, n_items: int) -> np.ndarray:
    """float32 (n_items, 1 + len(DEMAND_DAYS)): log of an item's share of all sales, and how it changed lately."""
    age = (histories.now - histories.times) / DAY_S
    shares = []
    for days in (np.inf, *DEMAND_DAYS):
        sold = np.bincount(histories.items[age < days], minlength=n_items)
        shares.append(np.log1p(PER_EVENTS * sold / max(sold.sum(), 1)))
    return np.column_stack((shares[0], *np.diff(shares, axis=0))).astype(np.float32)


def habits_of(histories: Histories) -> np.ndarray:
    """float64 (users, 4): baskets of each user; logs of days since the last, of events lately, of events per basket."""
    n, age = len(histories), (histories.now - histories.times) / DAY_S
    baskets = np.bincount(histories.rows[histories.basket_starts], minlength=n)
    idle = np.full(n, np.inf)
    np.minimum.at(idle, histories.rows, age)
    idle[baskets == 0] = 0
    lately = np.bincount(histories.rows[age < LATELY_DAYS], minlength=n)
    size = histories.lengths / np.maximum(baskets, 1)
    return np.column_stack((baskets, np.log1p(idle), np.log1p(lately), np.log1p(size)))


def features_of(pairs: Pairs, rhythm: ItemRhythm, demand: np.ndarray, habits: np.ndarray) -> np.ndarray:
    """float64 (pairs, features), see the names beside each; demand and habits as from `demand_of`, `habits_of`."""
    prior = np.exp(rhythm.gap[pairs.items].astype(np.float64))
    gap = (pairs.first - pairs.last + prior) / pairs.baskets  # the user's own gap; the item's where bought once
    since_days = np.log1p(pairs.last)
    own = habits[pairs.rows, 0]
    return np.column_stack(
        (
            pairs.decayed,
            np.log(pairs.baskets),
            np.log(pairs.baskets / own),  # share of the user's baskets
            np.log1p(own),
            since_days,
            np.log1p(pairs.since),
            np.clip(np.log((pairs.last + 1) / (gap + 1)), -4, 4),  # due (0) or overdue (above)
            rhythm.repeats[pairs.items],
            rhythm.gap[pairs.items],
            rhythm.buyers[pairs.items],
            demand[pairs.items],
            habits[pairs.rows, 1:],
        )
    )
