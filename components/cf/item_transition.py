"""Item transition: what users bought in the baskets that followed.

Use it where order and recency carry the signal: today's basket says more about the next one than last spring's,
and coffee may lead to filters without filters leading to coffee. An item may follow itself, so regular
purchases are foretold as well.
Cost: window_baskets × the sum of squared basket sizes, seconds for a million purchases.
Source: the sequential rules of Ludewig & Jannach 2018 (doi:10.1007/s11257-018-9209-6), over baskets instead of
clicks, with a cosine in place of the raw count.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import kept_parts, largest_of_product, scale_columns, scale_rows
from components.cf._recency import RecencyConfig, RecencyModel, recent
from components.core.baskets import baskets_of
from components.core.bundle import pack_csr, unpack_csr
from components.core.dataset import Dataset, Histories
from components.core.forms import SparseModel
from components.core.memory import Part
from components.core.model import Capabilities
from components.core.space import HALF_LIFE, NEIGHBOURS, Floats, Ints

PAIR_BYTES = 48  # two positions and a weight, as parts, joined, and as the matrix
LINE_BYTES = 8  # a column and a value


class ItemTransitionConfig(RecencyConfig):
    """A basket counts as followed by the next window_baskets of the same user.

    basket_decay multiplies the weight for every basket in between, in fitting and, unless history_decay is given, in
    the history that is scored; half_life_days decays that history by age as well, None does not.
    backward: what a transition counts against its direction (0: nothing, 1: as much as along it).
    item_exponent and follower_exponent: a transition is divided by (number of baskets + shrinkage) to these powers, of
    the item it starts from and of the one it leads to; the smaller the second, the more popular items are favoured.
    neighbours are the followers kept per item.
    """

    space: ClassVar = {
        "window_baskets": Ints(1, 40, log=True),
        "basket_decay": Floats(0.3, 1),
        "history_decay": Floats(0.05, 1),
        "backward": Floats(0, 1),
        "item_exponent": Floats(0.2, 0.8),
        "follower_exponent": Floats(0, 0.6),
        "shrinkage": Floats(0, 30),
        "neighbours": NEIGHBOURS,
        "half_life_days": HALF_LIFE,
    }
    window_baskets: int = Field(default=5, ge=1)
    basket_decay: float = Field(default=0.9, gt=0, le=1)
    history_decay: float | None = Field(default=None, gt=0, le=1)
    backward: float = Field(default=0, ge=0, le=1)
    item_exponent: float = Field(default=0.5, ge=0, le=1)
    follower_exponent: float = Field(default=0.5, ge=0, le=1)
    shrinkage: float = Field(default=10, ge=0)
    neighbours: int = Field(default=100, ge=1)
    half_life_days: float | None = Field(default=60, gt=0)


class ItemTransition(SparseModel, RecencyModel):
    """Sum of the transitions from the items of the history, the latest baskets weighing most."""

    version = 1
    Config = ItemTransitionConfig
    capabilities = Capabilities(uses_order=True, uses_time=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the pairs of baskets with the lines that follow, of the neighbours kept, and of a block of the product."""
        window, baskets = self.config.window_baskets, baskets_of(data.histories)
        user = baskets.rows
        pairs = sum(np.count_nonzero(user[d:] == user[:-d]) for d in range(1, window + 1))
        lines = pairs * len(data.histories.items) / max(len(user), 1)
        followed = Part(PAIR_BYTES * pairs + LINE_BYTES * lines, f"use a smaller window_baskets ({window})")
        return [followed, *kept_parts(len(data.items), self.config.neighbours)]

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        config = self.config
        baskets = baskets_of(data.histories)
        contents = baskets.contents(self.n_items)
        held = np.maximum(np.bincount(contents.indices, minlength=self.n_items), 1) + config.shrinkage
        follow = followers(baskets.rows, config.window_baskets, config.basket_decay)
        if config.backward:
            follow = sp.csr_matrix(follow + np.float32(config.backward) * follow.T)
        later = follow @ scale_columns(contents, held**-config.follower_exponent)
        items = scale_rows(sp.csr_matrix(contents.T), held**-config.item_exponent)
        self.transitions = largest_of_product(items, later, config.neighbours)

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Recency-weighted history times transitions; 0 for what followed nothing of the history."""
        return self.recent(histories) @ self.transitions

    def recent(self, histories: Histories) -> sp.csr_matrix:
        """float32 CSR (n, n_items): purchases, decayed by baskets since and by age."""
        config = self.config
        decay = config.basket_decay if config.history_decay is None else config.history_decay
        return recent(histories, self.n_items, config.half_life_days, decay)

    def state(self) -> dict[str, np.ndarray]:
        """transitions: CSR (n_items, n_items), row i holds what follows item i."""
        return pack_csr("transitions", self.transitions)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the transitions."""
        self.transitions = unpack_csr("transitions", arrays)


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
