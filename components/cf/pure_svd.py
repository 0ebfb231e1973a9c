"""PureSVD: the purchases seen through the few directions in which users differ most.

Use it as the quickest low-rank model: one randomised singular value decomposition, no epochs, and new users are
served by the same projection as fitted ones.
Cost: (passes + 2) × (purchased pairs × embedding_size + (users + items) × embedding_size²) operations.
Source: Cremonesi, Koren & Turrin 2010 (doi:10.1145/1864708.1864721); items scaled by a power of their popularity as in
Nikolakopoulos et al. 2019 (doi:10.1007/s10115-018-1197-7); the algorithm of Halko et al. 2011 (doi:10.1137/090771806).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import scale_columns, unit_rows
from components.cf._recency import RecencyConfig, RecencyModel
from components.core.dataset import Dataset, Histories
from components.core.forms import VectorModel
from components.core.memory import FLOAT, Part
from components.core.model import Capabilities
from components.core.space import Choice, Floats

SPARE = 16  # directions beyond those asked for, so that the last ones asked for are exact too


class PureSvdConfig(RecencyConfig):
    """popularity_exponent: a purchase counts (number of buyers) ** -popularity_exponent; 0 is plain PureSVD.

    passes over the purchases make the directions exact; half_life_days and basket_decay weigh the history scored.
    """

    space: ClassVar = RecencyConfig.space | {
        "embedding_size": Choice((32, 64, 128, 256, 512)),
        "popularity_exponent": Floats(0, 1),
    }
    embedding_size: int = Field(default=128, ge=1, le=4096)
    popularity_exponent: float = Field(default=0.2, ge=0, le=1)
    passes: int = Field(default=6, ge=1, le=100)


class PureSvd(VectorModel, RecencyModel):
    """The history projected on the directions and back."""

    version = 1
    Config = PureSvdConfig
    capabilities = Capabilities(uses_time=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the directions in both spaces, and of the basis before and after it is made orthonormal."""
        size = self.config.embedding_size
        rows = len(data.users) + 3 * len(data.items)
        return [Part(FLOAT * (size + SPARE) * rows, f"use a smaller embedding_size ({size})")]

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        bought = data.histories.matrix(self.n_items, binary=True)
        buyers = np.maximum(np.bincount(bought.indices, minlength=self.n_items), 1.0)
        self.weight = (buyers**-self.config.popularity_exponent).astype(np.float32)
        scaled = scale_columns(unit_rows(bought), self.weight)
        self.item_factors = right_vectors(scaled, self.config.embedding_size, self.config.passes, rng)

    def score(self, histories: Histories) -> np.ndarray:
        """Projection of the history, in the scale of the purchases; all 0 for an empty history."""
        return self.embed_users(histories) @ self.item_factors.T

    def item_vectors(self) -> np.ndarray:
        """The factors."""
        return self.item_factors

    def queries(self, histories: Histories) -> np.ndarray:
        """The users' vectors."""
        return self.embed_users(histories)

    def embed_users(self, histories: Histories) -> np.ndarray:
        """float32 (n, embedding_size): the weighted history in the directions."""
        return scale_columns(self.recent(histories), self.weight) @ self.item_factors

    def state(self) -> dict[str, np.ndarray]:
        """item_factors: float32 (n_items, embedding_size); weight: float32 (n_items,)."""
        return {"item_factors": self.item_factors, "weight": self.weight}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the directions."""
        self.item_factors, self.weight = arrays["item_factors"], arrays["weight"]


def right_vectors(matrix: sp.csr_matrix, size: int, passes: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (columns, size): the right singular vectors of the largest singular values, 0 beyond the rank."""
    columns = matrix.shape[1]
    width = min(size + SPARE, *matrix.shape)
    transposed = sp.csr_matrix(matrix.T)
    basis = rng.standard_normal((columns, width), dtype=np.float32)
    for _ in range(passes):
        basis = _orthonormal(transposed @ (matrix @ basis))
    basis = _orthonormal(basis)  # once more: the first time leaves what float32 rounded
    seen = matrix @ basis
    values, vectors = np.linalg.eigh((seen.T @ seen).astype(np.float64))
    order = np.argsort(-values)[:size]
    real = order[values[order] > 1e-6 * max(values.max(initial=0), 1e-12)]
    out = np.zeros((columns, size), dtype=np.float32)
    out[:, : len(real)] = basis @ vectors[:, real].astype(np.float32)
    return out


def _orthonormal(basis: np.ndarray) -> np.ndarray:
    """float32 orthonormal columns with the same span; 0 where a column adds nothing.

    By the eigenvectors of the columns' gram matrix: a tenth of the time of a QR decomposition of tall matrices.
    """
    gram = (basis.T @ basis).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    real = values > 1e-10 * max(values.max(initial=0), 1e-30)
    scale = np.where(real, 1 / np.sqrt(np.where(real, values, 1)), 0)
    return basis @ (vectors * scale).astype(np.float32)
