"""Household: what a user bought before, most and latest first.

Use it as the floor for "buy it again": shoppers of daily goods repeat themselves. It says nothing about items
a user never bought. Cost: none; there is nothing to learn. Source: the personal frequency baseline of
Hu et al. 2020 (doi:10.1145/3397271.3401066), with a half-life added.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.config import Config
from components.core.dataset import Dataset, Histories
from components.core.forms import SparseModel
from components.core.model import Capabilities
from components.core.space import HALF_LIFE


class HouseholdConfig(Config):
    """half_life_days halves the weight of a purchase every so many days; None counts every purchase as 1."""

    space: ClassVar = {"half_life_days": HALF_LIFE}
    half_life_days: float | None = Field(default=120, gt=0)


class Household(SparseModel):
    """Items by the user's own, recency-weighted number of purchases."""

    version = 1
    Config = HouseholdConfig
    capabilities = Capabilities(uses_time=True, scores_unseen=False)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        """Nothing to learn: the history that is scored says it all."""

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Weighted purchases per item; 0 for what was never bought."""
        return histories.matrix(self.n_items, half_life_days=self.config.half_life_days)

    def state(self) -> dict[str, np.ndarray]:
        """Empty: the catalogue is kept by the bundle."""
        return {}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Nothing to take back."""
