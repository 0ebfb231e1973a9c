"""RP3beta: items reached from the history by a random walk of item → buyer → item, popular ones held back.

Use it as a cheap graph recommender with more reach into the tail than item-kNN.
Cost: as item-kNN, one sparse product block by block. Source: Paudel et al. 2017 (doi:10.1145/2955101).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import kept_parts, largest_of_product, scale_columns, scale_rows
from components.cf._recency import RecencyConfig, RecencyModel
from components.core.bundle import pack_csr, unpack_csr
from components.core.dataset import Dataset, Histories
from components.core.forms import SparseModel
from components.core.memory import Part
from components.core.model import Capabilities
from components.core.space import NEIGHBOURS, Floats


class Rp3betaConfig(RecencyConfig):
    """alpha is the power of every step's probability; beta that of the popularity a reached item is divided by.

    neighbours are kept per item; half_life_days and basket_decay weigh the history that is scored.
    """

    space: ClassVar = RecencyConfig.space | {"alpha": Floats(0.2, 2), "beta": Floats(0, 1.2), "neighbours": NEIGHBOURS}
    alpha: float = Field(default=1, ge=0, le=3)
    beta: float = Field(default=0.4, ge=0, le=2)
    neighbours: int = Field(default=200, ge=1)


class Rp3beta(SparseModel, RecencyModel):
    """Sum of the walks' weights from the items of the history."""

    version = 1
    Config = Rp3betaConfig
    capabilities = Capabilities(uses_time=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the neighbours kept, and a block of the product."""
        return kept_parts(len(data.items), self.config.neighbours)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        bought = data.histories.matrix(self.n_items, binary=True)
        buyers = np.maximum(np.bincount(bought.indices, minlength=self.n_items), 1.0)
        lengths = np.maximum(np.diff(bought.indptr), 1.0)
        to_users = scale_rows(sp.csr_matrix(bought.T), buyers**-self.config.alpha)
        to_items = scale_columns(scale_rows(bought, lengths**-self.config.alpha), buyers**-self.config.beta)
        self.walks = largest_of_product(to_users, to_items, self.config.neighbours)

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Weighted history times walks; 0 for items no walk reaches."""
        return self.recent(histories) @ self.walks

    def state(self) -> dict[str, np.ndarray]:
        """walks: CSR (n_items, n_items), row i holds where walks from item i arrive."""
        return pack_csr("walks", self.walks)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the walks."""
        self.walks = unpack_csr("walks", arrays)
