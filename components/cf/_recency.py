"""How much every purchase of a history counts: by age, and by the baskets that came after it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.baskets import baskets_of
from components.core.config import Config
from components.core.dataset import DAY_S, Histories
from components.core.model import Model
from components.core.space import HALF_LIFE, Floats


class RecencyConfig(Config):
    """half_life_days halves a purchase's weight every so many days; None does not.

    basket_decay multiplies it once for every later basket of the same user; 1 does not.
    """

    space: ClassVar = {"half_life_days": HALF_LIFE, "basket_decay": Floats(0.05, 1)}
    half_life_days: float | None = Field(default=120, gt=0)
    basket_decay: float = Field(default=1, gt=0, le=1)


class RecencyModel(Model):
    """A model that weighs the history it scores by recency; it declares what its options make it depend on."""

    def __init__(self, config: RecencyConfig | None = None):
        super().__init__(config)
        self.capabilities = replace(
            self.capabilities,
            uses_order=self.capabilities.uses_order or self.config.basket_decay < 1,
            uses_time=self.config.half_life_days is not None,
        )

    def recent(self, histories: Histories) -> sp.csr_matrix:
        """float32 CSR (n, n_items): recency-weighted purchases."""
        return recent(histories, self.n_items, self.config.half_life_days, self.config.basket_decay)


def recent(histories: Histories, n_items: int, half_life_days: float | None, basket_decay: float) -> sp.csr_matrix:
    """float32 CSR (n, n_items): purchases, decayed by age and by the baskets since."""
    if basket_decay == 1:
        return histories.matrix(n_items, half_life_days=half_life_days)
    baskets = baskets_of(histories)
    weights = basket_decay ** baskets.since[baskets.of_event].astype(np.float64)
    if half_life_days is not None:
        weights *= np.exp2(-(histories.now - histories.times) / (half_life_days * DAY_S))
    m = sp.csr_matrix((weights.astype(np.float32), (histories.rows, histories.items)), shape=(len(histories), n_items))
    m.sum_duplicates()
    return m
