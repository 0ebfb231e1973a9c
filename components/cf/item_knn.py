"""Item-kNN: items bought by the same users as the items of the history.

Use it as the simple, explainable recommender ("because you bought …"). An item is its own nearest neighbour,
so what was bought before scores high as well.
Cost: one sparse product of the catalogue with itself, block by block, a second for 12,000 items and 200,000 events;
linear in a user's history.
Source: Sarwar et al. 2001 (doi:10.1145/371920.372071); shrinkage from Koren 2008 (doi:10.1145/1401890.1401944).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import kept_parts, largest_of_product, scale_rows
from components.cf._recency import RecencyConfig, RecencyModel
from components.cf._weighting import BM25_B, BM25_K1, Weighting, weigh
from components.core.bundle import pack_csr, unpack_csr
from components.core.dataset import Dataset, Histories
from components.core.forms import SparseModel
from components.core.memory import Part
from components.core.model import Capabilities
from components.core.space import NEIGHBOURS, Choice, Floats


class ItemKnnConfig(RecencyConfig):
    """weighting of a purchase before items are compared; bm25_k1 and bm25_b are those of BM25.

    length_exponent: 1 divides by the lengths of both items (cosine), 0 does not (the plain product, which keeps the
    popularity that BM25 already discounts). shrinkage pulls the similarity of rarely bought items towards 0; neighbours
    are kept per item. half_life_days and basket_decay weigh the history that is scored.
    """

    space: ClassVar = RecencyConfig.space | {
        "weighting": Choice(("cosine", "tfidf", "bm25")),
        "bm25_k1": Floats(0.2, 5, log=True),
        "bm25_b": Floats(0, 1),
        "length_exponent": Floats(0, 1),
        "shrinkage": Floats(0, 50),
        "neighbours": NEIGHBOURS,
    }
    weighting: Weighting = "bm25"
    bm25_k1: float = Field(default=BM25_K1, gt=0)
    bm25_b: float = Field(default=BM25_B, ge=0, le=1)
    length_exponent: float = Field(default=1, ge=0, le=1)
    shrinkage: float = Field(default=10, ge=0)
    neighbours: int = Field(default=100, ge=1)


class ItemKnn(SparseModel, RecencyModel):
    """Sum of the similarities to the items of the history."""

    version = 1
    Config = ItemKnnConfig
    capabilities = Capabilities(uses_time=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the neighbours kept, and a block of the product."""
        return kept_parts(len(data.items), self.config.neighbours)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        config = self.config
        counts = sp.csr_matrix(data.histories.matrix(self.n_items).T)
        items = weigh(counts, config.weighting, config.bm25_k1, config.bm25_b)
        lengths = np.sqrt(np.asarray(items.multiply(items).sum(axis=1)).ravel())
        buyers = np.maximum(np.diff(items.indptr), 1)
        factors = np.sqrt(buyers / (buyers + config.shrinkage))
        factors /= np.where(lengths > 0, lengths, 1) ** config.length_exponent
        items = scale_rows(items, factors)
        self.similar = largest_of_product(items, sp.csr_matrix(items.T), config.neighbours)

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Weighted history times similarity; 0 for items that are nobody's neighbour."""
        return self.recent(histories) @ self.similar

    def state(self) -> dict[str, np.ndarray]:
        """similar: CSR (n_items, n_items), row i holds the neighbours of item i."""
        return pack_csr("similar", self.similar)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the neighbours."""
        self.similar = unpack_csr("similar", arrays)
