"""The later events that choose the epoch, and how well logits foretell them. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from components.core.baskets import baskets_of
from components.core.dataset import Histories
from components.deep._sequences import foretold

ASKED_USERS = 2000  # whose later events are foretold after every epoch, drawn once
NOTHING_LATER = "too few events lie on either side of the validation window, so all epochs were run"
BLOCK = 128  # users whose scores of the whole catalogue are in memory at once


@dataclass(frozen=True)
class Later:
    """What is kept back.

    past    histories of all users without it
    asked   histories of the users who are asked, before it
    rows    int64 (pairs,), row of `asked`, not decreasing
    items   int32 (pairs,), what the user went on to buy for the first time; repeats where nobody bought anything new
    """

    past: Histories
    asked: Histories
    rows: np.ndarray
    items: np.ndarray
    new_only: bool


def later_of(
    histories: Histories, by: str, share: float, rng: np.random.Generator, targets: np.ndarray | None = None
) -> Later | None:
    """Keep back the last `share` of all events (by "later") or the last basket of that share of users ("last_baskets").

    targets  bool (n_items,), the items that are asked about; None: all
    Returns  None where no user has events on both sides.
    """
    return asked_of(histories, kept_back(histories, by, share, rng), rng, targets)


def kept_back(histories: Histories, by: str, share: float, rng: np.random.Generator, least: int = 2) -> np.ndarray:
    """bool (events,), what is kept back to choose the epoch by.

    by     `later`: what lies at or after a time that about `share` of all events do not lie before; `last_baskets`: the
           last basket of that share of the users with `least` baskets or more
    """
    return _after_cutoff(histories, share) if by == "later" else _last_baskets(histories, share, rng, least)


def asked_of(
    histories: Histories, kept: np.ndarray, rng: np.random.Generator, targets: np.ndarray | None = None
) -> Later | None:
    """What is asked where `kept`, bool (events,), is kept back; arguments and return as of `later_of`."""
    rows = histories.rows
    before = np.bincount(rows[~kept], minlength=len(histories)) > 0
    wanted = kept & before[rows] & (True if targets is None else targets[histories.items])
    new = wanted & ~_repeats(histories, kept)
    new_only = bool(new.any())
    wanted = new if new_only else wanted
    if not wanted.any():
        return None
    users = np.unique(rows[wanted])
    if len(users) > ASKED_USERS:
        users = np.sort(rng.choice(users, ASKED_USERS, replace=False))
    at = np.flatnonzero(wanted & np.isin(rows, users))
    pairs = np.unique(np.stack([np.searchsorted(users, rows[at]), histories.items[at]], axis=1), axis=0)
    past = histories.keep(~kept)
    return Later(past, past.take(users), pairs[:, 0], pairs[:, 1].astype(np.int32), new_only)


def teaches(past: Histories, targets: np.ndarray | None = None) -> bool:
    """Whether some basket is left that can be foretold."""
    return bool(foretold(baskets_of(past), targets).any())


def mean_gain(logits: Callable[[Histories], np.ndarray], later: Later) -> float:
    """Mean of 1 / log2(1 + rank) over what was kept back, ranked in the whole catalogue.

    What a user had bought before is left out of the ranking where only new items are foretold.
    """
    gains = []
    for start in range(0, len(later.asked), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(later.asked)))
        asked = later.asked.take(rows)
        scores = logits(asked)
        mine = slice(*np.searchsorted(later.rows, (start, start + BLOCK)))
        at, items = later.rows[mine] - start, later.items[mine]
        target = scores[at, items]
        if later.new_only:
            scores[asked.rows, asked.items] = -np.inf
        gains.append(1 / np.log2(1 + _ranks(np.sort(scores, axis=1), at, target)))
    return float(np.concatenate(gains).mean())


def _ranks(ordered: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rank of each value in its row, from 1; of equal ones, the middle. `ordered` (n, n_items) ascends."""
    ranks = np.empty(len(rows))
    for at, (row, value) in enumerate(zip(rows, values, strict=True)):
        left, right = np.searchsorted(ordered[row], value, "left"), np.searchsorted(ordered[row], value, "right")
        ranks[at] = ordered.shape[1] - right + (right - left + 1) / 2
    return ranks


def _after_cutoff(histories: Histories, share: float) -> np.ndarray:
    if not len(histories.times):
        return np.zeros(0, dtype=bool)
    return histories.times >= int(np.quantile(histories.times, 1 - share))


def _last_baskets(histories: Histories, share: float, rng: np.random.Generator, least: int) -> np.ndarray:
    """bool (events,): the last basket of a share of the users with `least` baskets or more."""
    starts, rows = histories.basket_starts, histories.rows
    baskets = np.bincount(rows[starts], minlength=len(histories))
    able = np.flatnonzero(baskets >= least)
    chosen = np.zeros(len(histories), dtype=bool)
    chosen[rng.choice(able, int(np.ceil(share * len(able))), replace=False)] = True
    number = np.cumsum(starts)  # of the basket, over all users
    last = np.concatenate(([0], number))[histories.indptr[1:]]
    return chosen[rows] & (number == last[rows])


def _repeats(histories: Histories, kept: np.ndarray) -> np.ndarray:
    """bool (events,): the user holds the item among the events that are not kept back."""
    width = int(histories.items.max(initial=0)) + 1
    keys = histories.rows * width + histories.items
    return np.isin(keys, keys[~kept])
