"""ALS: low-rank factors of the purchases, weighted by confidence.

Use it for smooth, broad recommendations and as a source of item embeddings. Item factors come from the library
implicit; a user's vector is always folded in from the history, by our own least squares, so that a new user is
served exactly as a fitted one.
Cost: epochs × (purchased pairs × embedding_size² + rows × embedding_size³) operations; seconds for a million purchases.
Source: Hu, Koren & Volinsky 2008 (doi:10.1109/ICDM.2008.22).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._recency import RecencyConfig, RecencyModel
from components.core.dataset import Dataset, Histories
from components.core.forms import VectorModel
from components.core.memory import FLOAT, Part
from components.core.model import Capabilities
from components.core.space import EMBEDDING, Floats, Ints

BATCH_CELLS = 2_000_000  # float32 of one batch of folded-in users, in each of a few arrays


class AlsConfig(RecencyConfig):
    """alpha is the confidence added per purchase, which half_life_days and basket_decay weigh, in fitting too."""

    space: ClassVar = RecencyConfig.space | {
        "embedding_size": EMBEDDING,
        "epochs": Ints(2, 30),
        "regularization": Floats(0.01, 1000, log=True),
        "alpha": Floats(0.1, 1000, log=True),
    }
    embedding_size: int = Field(default=64, ge=1, le=1024)
    epochs: int = Field(default=10, ge=1)
    regularization: float = Field(default=10.0, gt=0)
    alpha: float = Field(default=0.3, gt=0)
    num_threads: int = Field(default=1, ge=1)


class Als(VectorModel, RecencyModel):
    """Inner product of the folded-in user vector with the item factors."""

    version = 1
    Config = AlsConfig
    capabilities = Capabilities(uses_time=True, distributed=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the factors of users and items, and of what they are fitted or folded in with."""
        from components.data.engine import on_spark

        size = self.config.embedding_size
        rows = (0 if on_spark(self.engine) else len(data.users)) + 3 * len(data.items)
        return [Part(FLOAT * size * rows, f"use a smaller embedding_size ({size})")]

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        from components.data.engine import on_spark

        if on_spark(self.engine):
            from components.cf._als_on_spark import item_factors

            extra = self._extra_confidence(data.histories)
            self._set(item_factors(extra, self.config, self.engine, self.journal_folder, int(rng.integers(2**31))))
        else:
            self._set(self._fitted_here(data, rng))

    def _fitted_here(self, data: Dataset, rng: np.random.Generator) -> np.ndarray:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        config = self.config
        confidence = self._extra_confidence(data.histories)
        confidence.data += 1
        with threadpool_limits(1, "blas"):  # implicit runs its own threads; both together are slower
            solver = AlternatingLeastSquares(
                factors=config.embedding_size,
                regularization=config.regularization,
                iterations=config.epochs,
                num_threads=config.num_threads,
                random_state=int(rng.integers(2**31)),
            )
            solver.fit(confidence, show_progress=False)
        return solver.item_factors

    def score(self, histories: Histories) -> np.ndarray:
        """Around 1 for what the user surely buys, around 0 for what nothing speaks for; all 0 for an empty history."""
        return self.embed_users(histories) @ self.item_factors.T

    def item_vectors(self) -> np.ndarray:
        """The factors."""
        return self.item_factors

    def queries(self, histories: Histories) -> np.ndarray:
        """The users' vectors."""
        return self.embed_users(histories)

    def embed_users(self, histories: Histories) -> np.ndarray:
        """float32 (n, embedding_size): the ridge solution of equation 4 of the paper, item factors held fixed."""
        extra = self._extra_confidence(histories)
        users = np.zeros((len(histories), self.config.embedding_size), dtype=np.float32)
        long = np.diff(extra.indptr) > self.config.embedding_size
        for rows in _batches(np.where(long, 0, np.diff(extra.indptr)), self.config.embedding_size):
            users[rows] = self._of_short(extra[rows])
        for row in np.flatnonzero(long):
            users[row] = self._of_long(extra[[row]])
        return users

    def _of_short(self, extra: sp.csr_matrix) -> np.ndarray:
        """Users with fewer items than factors, together: (G + Y'WY)⁻¹Y'c = G⁻¹Y'(I + WYG⁻¹Y')⁻¹c, items × items."""
        lengths = np.diff(extra.indptr)
        held = np.arange(lengths.max()) < lengths[:, None]
        items, weights = (np.zeros(held.shape, dtype=kind) for kind in (np.int64, np.float32))
        items[held], weights[held] = extra.indices, extra.data
        bought = self.item_factors[items]
        through = self._through_gram[items]
        left = weights[:, :, None] * (through @ bought.transpose(0, 2, 1)) + np.eye(held.shape[1], dtype=np.float32)
        right = np.where(held, 1 + weights, 0)[:, :, None]
        return (np.linalg.solve(left, right).transpose(0, 2, 1) @ through)[:, 0]

    def _of_long(self, extra: sp.csr_matrix) -> np.ndarray:
        """One user with more items than factors: the normal equations as they stand."""
        bought, weight = self.item_factors[extra.indices], extra.data[:, None]
        return np.linalg.solve(self._gram + bought.T @ (weight * bought), ((1 + weight) * bought).sum(axis=0))

    def state(self) -> dict[str, np.ndarray]:
        """item_factors: float32 (n_items, embedding_size)."""
        return {"item_factors": self.item_factors}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the item factors."""
        self._set(arrays["item_factors"])

    def _set(self, item_factors: np.ndarray) -> None:
        self.item_factors = np.ascontiguousarray(item_factors, dtype=np.float32)
        ridge = self.config.regularization * np.eye(self.config.embedding_size, dtype=np.float32)
        self._gram = self.item_factors.T @ self.item_factors + ridge
        inverse = np.linalg.inv(self._gram.astype(np.float64)).astype(np.float32)
        self._through_gram = self.item_factors @ inverse

    def _extra_confidence(self, histories: Histories) -> sp.csr_matrix:
        """Confidence above 1 of every purchased pair."""
        m = self.recent(histories)
        m.data *= self.config.alpha
        return m


def _batches(lengths: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Rows of similar length above 0 together, so that padding costs little and a batch stays within BATCH_CELLS."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    start = 0
    while start < len(order):
        shortest = lengths[order[start]]
        longest = max(shortest + 2, int(shortest * 1.25))
        end = int(np.searchsorted(lengths[order], longest, side="right"))
        end = min(end, start + max(1, BATCH_CELLS // (longest * (size + longest))))
        yield order[start:end]
        start = end
