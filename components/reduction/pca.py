"""PCA: the directions of largest variance, by eigenvectors of the covariance.

Use it to make sparse text vectors small and dense. Cost: columns² × rows. Source: Hotelling 1933.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.config import Config
from components.core.errors import ConfigError

COVARIANCE_COPIES = 5  # of columns² doubles alive at once: sparse and dense product, outer product, eigh's two


class PcaConfig(Config):
    """embedding_size: columns kept, at most those there are; memory_limit_gb: what fitting may need."""

    embedding_size: int = Field(default=32, ge=1, le=1024)
    memory_limit_gb: float = Field(default=2.0, gt=0, le=1024)


class Pca:
    """Projects rows on the leading principal directions."""

    version = 1
    Config = PcaConfig

    def __init__(self, config: PcaConfig | None = None):
        """Unfitted reducer; `config` defaults to the declared defaults."""
        self.config = config or PcaConfig()

    def fit(self, matrix: sp.csr_matrix) -> Pca:
        """Learn mean and directions from float (rows, columns), sparse or dense; returns self.

        No columns give no directions. Raises ConfigError, before anything is computed, if the covariance of so many
        columns needs more memory than the limit.
        """
        matrix = sp.csr_matrix(matrix, dtype=np.float64)
        self._check_memory(matrix.shape[1])
        rows = max(matrix.shape[0], 1)
        self.mean = np.asarray(matrix.mean(axis=0)).ravel()
        covariance = (matrix.T @ matrix).toarray() / rows - np.outer(self.mean, self.mean)
        variances, directions = np.linalg.eigh(covariance)
        kept = np.argsort(-variances, kind="stable")[: self.config.embedding_size]
        directions = directions[:, kept]
        # An eigenvector's sign is arbitrary: make its largest entry positive, so that equal data give equal vectors.
        signs = np.sign([direction[np.abs(direction).argmax()] for direction in directions.T])
        self.directions = directions * signs
        self.explained = np.clip(variances[kept], 0, None) / max(np.clip(variances, 0, None).sum(), 1e-12)
        return self

    def _check_memory(self, columns: int) -> None:
        needed_gb = COVARIANCE_COPIES * 8 * columns**2 / 1e9
        if needed_gb > self.config.memory_limit_gb:
            raise ConfigError(
                f"pca: the covariance of {columns:,} columns needs about {needed_gb:.1f} GB, reduce.params allows "
                f"{self.config.memory_limit_gb:g}; lower featurize.text.max_words or raise memory_limit_gb."
            )

    def transform(self, matrix: sp.csr_matrix) -> np.ndarray:
        """float32 (rows, embedding_size) projections."""
        return np.asarray(sp.csr_matrix(matrix) @ self.directions - self.mean @ self.directions, dtype=np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """mean (columns,), directions (columns, embedding_size), explained shares (embedding_size,)."""
        return {"mean": self.mean, "directions": self.directions, "explained": self.explained}
