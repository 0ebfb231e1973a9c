"""ALS: low-rank factors of the purchases, weighted by confidence.

Use it for smooth, broad recommendations and as a source of item embeddings. Item factors come from the library
implicit; a user's vector is always folded in from the history, by our own least squares, so that a new user is
served exactly as a fitted one.
Cost: epochs × (purchased pairs × embedding_size² + rows × embedding_size³) operations; seconds for a million purchases.
Source: Hu, Koren & Volinsky 2008 (doi:10.1109/ICDM.2008.22).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.config import Config
from components.core.dataset import Dataset, Histories
from components.core.model import Capabilities, Model


class AlsConfig(Config):
    """alpha is the confidence added per (decayed) purchase; half_life_days None counts each purchase as 1."""

    embedding_size: int = Field(default=64, ge=1, le=1024)
    epochs: int = Field(default=10, ge=1)
    regularization: float = Field(default=10.0, gt=0)
    alpha: float = Field(default=0.3, gt=0)
    half_life_days: float | None = Field(default=120, gt=0)
    num_threads: int = Field(default=1, ge=1)


class Als(Model):
    """Inner product of the folded-in user vector with the item factors."""

    version = 1
    Config = AlsConfig
    capabilities = Capabilities(uses_time=True)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
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
        self._set(solver.item_factors)

    def score(self, histories: Histories) -> np.ndarray:
        """Around 1 for what the user surely buys, around 0 for what nothing speaks for; all 0 for an empty history."""
        return self.embed_users(histories) @ self.item_factors.T

    def embed_users(self, histories: Histories) -> np.ndarray:
        """float32 (n, embedding_size): the ridge solution of equation 4 of the paper, item factors held fixed."""
        extra = self._extra_confidence(histories)
        size = self.config.embedding_size
        left = np.empty((len(histories), size, size), dtype=np.float32)
        right = np.zeros((len(histories), size, 1), dtype=np.float32)
        for row, (start, end) in enumerate(zip(extra.indptr[:-1], extra.indptr[1:], strict=True)):
            bought, weight = self.item_factors[extra.indices[start:end]], extra.data[start:end, None]
            left[row] = self._gram + bought.T @ (weight * bought)
            right[row, :, 0] = ((1 + weight) * bought).sum(axis=0)
        return np.linalg.solve(left, right)[:, :, 0]

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

    def _extra_confidence(self, histories: Histories) -> sp.csr_matrix:
        """Confidence above 1 of every purchased pair."""
        m = histories.matrix(self.n_items, half_life_days=self.config.half_life_days)
        m.data *= self.config.alpha
        return m
