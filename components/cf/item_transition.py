"""Item transition: what users bought in the baskets that followed.

Use it where order and recency carry the signal: today's basket says more about the next one than last spring's,
and coffee may lead to filters without filters leading to coffee. An item may follow itself, so regular
purchases are foretold as well.
Cost: window_baskets × the sum of squared basket sizes, seconds for a million purchases.
Source: the sequential rules of Ludewig & Jannach 2018 (doi:10.1007/s11257-018-9209-6), over baskets instead of
clicks, with a cosine in place of the raw count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import by_blocks, scale_rows
from components.core.bundle import pack_csr, unpack_csr
from components.core.config import Config
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.model import Capabilities, Model


class ItemTransitionConfig(Config):
    """A basket counts as followed by the next window_baskets of the same user.

    basket_decay multiplies the weight for every basket in between, in fitting and in the history that is scored;
    half_life_days decays that history by age as well, None does not. shrinkage is in baskets and pulls the weight
    of rare items towards 0; neighbours are the followers kept per item.
    """

    window_baskets: int = Field(default=5, ge=1)
    basket_decay: float = Field(default=0.9, gt=0, le=1)
    shrinkage: float = Field(default=10, ge=0)
    neighbours: int = Field(default=100, ge=1)
    half_life_days: float | None = Field(default=60, gt=0)


class ItemTransition(Model):
    """Sum of the transitions from the items of the history, the latest baskets weighing most."""

    version = 1
    Config = ItemTransitionConfig
    capabilities = Capabilities(uses_order=True, uses_time=True)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        config = self.config
        baskets = baskets_of(data.histories)
        items = sp.csr_matrix(_contents(baskets, data.histories.items, self.n_items).T)
        items = scale_rows(items, 1 / np.sqrt(np.maximum(np.diff(items.indptr), 1) + config.shrinkage))
        later = followers(baskets.user, config.window_baskets, config.basket_decay) @ sp.csr_matrix(items.T)
        self.transitions = by_blocks(self.n_items, config.neighbours, lambda rows: (items[rows] @ later).toarray())

    def score(self, histories: Histories) -> np.ndarray:
        """Recency-weighted history times transitions; 0 for what followed nothing of the history."""
        return (self._recent(histories) @ self.transitions).toarray()

    def state(self) -> dict[str, np.ndarray]:
        """transitions: CSR (n_items, n_items), row i holds what follows item i."""
        return pack_csr("transitions", self.transitions)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the transitions."""
        self.transitions = unpack_csr("transitions", arrays)

    def _recent(self, histories: Histories) -> sp.csr_matrix:
        """float32 CSR (n, n_items): purchases, decayed by baskets since and by age."""
        baskets = baskets_of(histories)
        weights = self.config.basket_decay ** baskets.since[baskets.of_event].astype(np.float64)
        if self.config.half_life_days is not None:
            weights *= np.exp2(-(histories.now - histories.times) / (self.config.half_life_days * DAY_S))
        at = (histories.rows, histories.items)
        return sp.csr_matrix((weights.astype(np.float32), at), shape=(len(histories), self.n_items))


@dataclass(frozen=True)
class Baskets:
    """The events of histories, grouped by user and time.

    of_event  int64 (events,), basket of every event
    user      int64 (baskets,), user row of every basket; a user's baskets follow one another, oldest first
    since     int64 (baskets,), baskets of the same user that came later
    """

    of_event: np.ndarray
    user: np.ndarray
    since: np.ndarray


def baskets_of(histories: Histories) -> Baskets:
    """Number the baskets of histories."""
    starts = histories.basket_starts
    user = histories.rows[starts]
    last = np.cumsum(np.bincount(user, minlength=len(histories))) - 1
    return Baskets(np.cumsum(starts) - 1, user, last[user] - np.arange(len(user)))


def followers(user: np.ndarray, window: int, decay: float) -> sp.csr_matrix:
    """float32 CSR (baskets, baskets): decay ** (d - 1) where a basket of the same user follows at distance d <= window.

    user  int (baskets,), as in `Baskets`
    """
    n = len(user)
    before = [np.flatnonzero(user[d:] == user[:-d]) for d in range(1, window + 1)]
    after = [at + d for d, at in enumerate(before, start=1)]
    weights = [np.full(len(at), decay**d, dtype=np.float32) for d, at in enumerate(before)]
    pairs = (np.concatenate(before), np.concatenate(after))
    return sp.csr_matrix((np.concatenate(weights), pairs), shape=(n, n), dtype=np.float32)


def _contents(baskets: Baskets, items: np.ndarray, n_items: int) -> sp.csr_matrix:
    """float32 CSR (baskets, n_items): 1 where the basket holds the item."""
    ones = np.ones(len(items), dtype=np.float32)
    m = sp.csr_matrix((ones, (baskets.of_event, items)), shape=(len(baskets.user), n_items))
    m.sum_duplicates()
    m.data[:] = 1
    return m
