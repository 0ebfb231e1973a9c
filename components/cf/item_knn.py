"""Item-kNN: items bought by the same users as the items of the history.

Use it as the simple, explainable recommender ("because you bought …"). An item is its own nearest neighbour,
so what was bought before scores high as well.
Cost: one sparse product of the catalogue with itself, a few seconds for 16,000 items; linear in a user's history.
Source: Sarwar et al. 2001 (doi:10.1145/371920.372071); shrinkage from Koren 2008 (doi:10.1145/1401890.1401944).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import by_blocks, scale_rows, unit_rows
from components.core.bundle import pack_csr, unpack_csr
from components.core.config import Config
from components.core.dataset import Dataset, Histories
from components.core.model import Capabilities, Model

BM25_K1 = 1.2  # how soon repeated purchases stop counting; Robertson & Zaragoza 2009, section 3.5
BM25_B = 0.75  # how strongly a popular item's purchases are discounted


class ItemKnnConfig(Config):
    """weighting of a purchase before the cosine; half_life_days decays the history that is scored, None does not.

    shrinkage pulls the similarity of rarely bought items towards 0; neighbours are kept per item.
    """

    weighting: Literal["cosine", "tfidf", "bm25"] = "bm25"
    shrinkage: float = Field(default=10, ge=0)
    neighbours: int = Field(default=100, ge=1)
    half_life_days: float | None = Field(default=120, gt=0)


class ItemKnn(Model):
    """Sum of the similarities to the items of the history."""

    version = 1
    Config = ItemKnnConfig
    capabilities = Capabilities(uses_time=True)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        counts = data.histories.matrix(self.n_items)
        weighted = WEIGHTINGS[self.config.weighting](sp.csr_matrix(counts.T))
        buyers = np.maximum(np.diff(weighted.indptr), 1)
        items = scale_rows(unit_rows(weighted), np.sqrt(buyers / (buyers + self.config.shrinkage)))
        users = sp.csr_matrix(items.T)
        self.similar = by_blocks(self.n_items, self.config.neighbours, lambda rows: (items[rows] @ users).toarray())

    def score(self, histories: Histories) -> np.ndarray:
        """Weighted history times similarity; 0 for items that are nobody's neighbour."""
        history = histories.matrix(self.n_items, half_life_days=self.config.half_life_days)
        return (history @ self.similar).toarray()

    def state(self) -> dict[str, np.ndarray]:
        """similar: CSR (n_items, n_items), row i holds the neighbours of item i."""
        return pack_csr("similar", self.similar)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the neighbours."""
        self.similar = unpack_csr("similar", arrays)


def _cosine(item_users: sp.csr_matrix) -> sp.csr_matrix:
    """Bought or not."""
    binary = item_users.copy()
    binary.data[:] = 1
    return binary


def _tfidf(item_users: sp.csr_matrix) -> sp.csr_matrix:
    """Root of the purchases, times the rarity of the user: who buys everything says little about any item."""
    rare = np.log1p(item_users.shape[0] / _per_user(item_users))
    out = item_users.copy()
    out.data = np.sqrt(out.data) * rare[out.indices].astype(np.float32)
    return out


def _bm25(item_users: sp.csr_matrix) -> sp.csr_matrix:
    """Purchases that saturate, the later the more popular the item, times the rarity of the user.

    A popular item's single purchase counts for less: it takes more of them to say as much.
    """
    rare = np.log1p(item_users.shape[0] / _per_user(item_users))
    length = np.asarray(item_users.sum(axis=1)).ravel()
    norm = np.repeat(1 - BM25_B + BM25_B * length / length.mean(), np.diff(item_users.indptr))
    out = item_users.copy()
    out.data = (out.data * (BM25_K1 + 1) / (out.data + BM25_K1 * norm) * rare[out.indices]).astype(np.float32)
    return out


def _per_user(item_users: sp.csr_matrix) -> np.ndarray:
    return np.maximum(np.bincount(item_users.indices, minlength=item_users.shape[1]), 1)


WEIGHTINGS = {"cosine": _cosine, "tfidf": _tfidf, "bm25": _bm25}
