"""BPR: factors trained so that what a user bought ranks above what they did not.

Use it for ranking-oriented factors where popularity may speak through a bias per item. Factors come from the library
implicit. A user's vector is the mean of the item factors of the history through a linear map, which is fitted by ridge
regression to the vectors that training gave the fitted users; so a new user is served exactly as a fitted one.
Cost: epochs × purchased pairs × embedding_size, about a second per epoch and million pairs at 64.
Source: Rendle et al. 2009 (arXiv:1205.2618).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import inverse, scale_rows
from components.cf._recency import RecencyConfig, RecencyModel
from components.core.dataset import Dataset, Histories
from components.core.forms import VectorModel, with_biases, with_ones
from components.core.memory import FLOAT, Part
from components.core.model import Capabilities
from components.core.space import EMBEDDING, Floats, Ints

RIDGE = 1e-3  # of the fold-in, relative to the mean square of what it maps from


class BprConfig(RecencyConfig):
    """half_life_days and basket_decay weigh the history that is folded in; training counts every pair once."""

    space: ClassVar = RecencyConfig.space | {
        "embedding_size": EMBEDDING,
        "epochs": Ints(30, 300, log=True),
        "learning_rate": Floats(0.005, 0.3, log=True),
        "regularization": Floats(0.0001, 0.1, log=True),
    }
    embedding_size: int = Field(default=64, ge=1, le=1024)
    epochs: int = Field(default=100, ge=1)
    learning_rate: float = Field(default=0.05, gt=0, le=10)
    regularization: float = Field(default=0.01, ge=0)
    num_threads: int = Field(default=1, ge=1, description="more than 1 trains faster and never twice the same")


class Bpr(VectorModel, RecencyModel):
    """Inner product of the folded-in user vector with the item factors, plus the item's bias."""

    version = 1
    Config = BprConfig
    capabilities = Capabilities(uses_time=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the factors of users and items, and of what they are fitted or folded in with."""
        size = self.config.embedding_size
        rows = len(data.users) + 3 * len(data.items)
        return [Part(2 * FLOAT * size * rows, f"use a smaller embedding_size ({size})")]

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        bought = data.histories.matrix(self.n_items, binary=True)
        trained = self._trained(bought, rng)
        size = self.config.embedding_size
        self.item_factors = np.ascontiguousarray(trained.item_factors[:, :size])
        self.item_biases = np.ascontiguousarray(trained.item_factors[:, size])
        known = np.diff(bought.indptr) > 0
        means = mean_rows(bought, self.item_factors)[known]
        gram = (means.T @ means).astype(np.float64)
        gram[np.diag_indices(size)] += RIDGE * max(np.trace(gram) / size, 1e-12)
        self.fold_in = np.linalg.solve(gram, means.T @ trained.user_factors[known, :size]).astype(np.float32)

    def _trained(self, bought: sp.csr_matrix, rng: np.random.Generator) -> object:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        config = self.config
        solver = BayesianPersonalizedRanking(
            factors=config.embedding_size,
            learning_rate=config.learning_rate,
            regularization=config.regularization,
            iterations=config.epochs,
            num_threads=config.num_threads,
            random_state=int(rng.integers(2**31)),
        )
        solver.fit(bought, show_progress=False)
        return solver

    def score(self, histories: Histories) -> np.ndarray:
        """Larger where training would rank the item higher; the biases alone for an empty history."""
        return self.embed_users(histories) @ self.item_factors.T + self.item_biases

    def item_vectors(self) -> np.ndarray:
        """The factors and the biases."""
        return with_biases(self.item_factors, self.item_biases)

    def queries(self, histories: Histories) -> np.ndarray:
        """The users' vectors."""
        return with_ones(self.embed_users(histories))

    def embed_users(self, histories: Histories) -> np.ndarray:
        """float32 (n, embedding_size): the mean of the history's item factors, through the fitted map."""
        return mean_rows(self.recent(histories), self.item_factors) @ self.fold_in

    def state(self) -> dict[str, np.ndarray]:
        """item_factors float32 (n_items, size), item_biases (n_items,), fold_in (size, size)."""
        return {"item_factors": self.item_factors, "item_biases": self.item_biases, "fold_in": self.fold_in}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the factors."""
        self.item_factors, self.item_biases = arrays["item_factors"], arrays["item_biases"]
        self.fold_in = arrays["fold_in"]


def mean_rows(weights: sp.csr_matrix, vectors: np.ndarray) -> np.ndarray:
    """float32: the weighted mean of the vectors, row by row; 0 for an empty row."""
    total = np.asarray(weights.sum(axis=1)).ravel()
    return (scale_rows(weights, inverse(total)) @ vectors).astype(np.float32)
