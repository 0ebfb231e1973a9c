"""EASE: the linear item-to-item model with a closed-form solution and a zero diagonal.

Use it as the strong linear baseline on catalogues whose head fits in memory: it is fitted on the `max_items`
most bought items and says nothing (score 0) about the others.
Cost: max_items³ operations once and about 3 × max_items² floats while fitting; 4,000 items take two seconds.
Source: Steck 2019 (doi:10.1145/3308558.3313710), equation 8.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import by_blocks
from components.core.bundle import pack_csr, unpack_csr
from components.core.config import Config
from components.core.dataset import Dataset, Histories
from components.core.errors import ConfigError, DataError
from components.core.model import Capabilities, Model

GB = 1e9
ARRAYS_AT_ONCE = 3  # gram matrix, its inverse, LAPACK's work space


class EaseConfig(Config):
    """max_items bounds the cost; neighbours are the weights kept per item; memory_limit_gb is for the fit.

    half_life_days decays the history that is scored, None does not.
    """

    max_items: int = Field(default=4000, ge=1)
    regularization: float = Field(default=1000.0, gt=0)
    neighbours: int = Field(default=200, ge=1)
    half_life_days: float | None = Field(default=120, gt=0)
    memory_limit_gb: float = Field(default=2.0, gt=0)


class Ease(Model):
    """Weights of the history's items on every other item, from one ridge regression per item."""

    version = 1
    Config = EaseConfig
    capabilities = Capabilities(uses_time=True)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        bought = data.histories.matrix(self.n_items, binary=True)
        users = np.asarray(bought.sum(axis=0)).ravel()
        head = np.sort(np.argsort(-users, kind="stable")[: self.config.max_items])
        check_memory(len(head), self.config.memory_limit_gb)
        weights = closed_form(bought[:, head], self.config.regularization)
        kept = by_blocks(len(head), self.config.neighbours, lambda targets: weights[:, targets].T).tocoo()
        shape = (self.n_items, self.n_items)
        self.weights = sp.csr_matrix((kept.data, (head[kept.col], head[kept.row])), shape=shape)

    def score(self, histories: Histories) -> np.ndarray:
        """Weighted history times weights; 0 outside the fitted head."""
        history = histories.matrix(self.n_items, half_life_days=self.config.half_life_days)
        return (history.sqrt() @ self.weights).toarray()

    def state(self) -> dict[str, np.ndarray]:
        """weights: CSR (n_items, n_items), row i holds what item i speaks for."""
        return pack_csr("weights", self.weights)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the weights."""
        self.weights = unpack_csr("weights", arrays)


def check_memory(n_items: int, limit_gb: float) -> None:
    """Refuse a fit that would need more memory than allowed, before it starts; ConfigError."""
    needed_gb = ARRAYS_AT_ONCE * 4 * n_items**2 / GB
    if needed_gb > limit_gb:
        largest = int(np.sqrt(limit_gb * GB / (ARRAYS_AT_ONCE * 4)))
        raise ConfigError(
            f"ease: fitting {n_items} items needs about {needed_gb:.1f} GB, memory_limit_gb is {limit_gb:g}; "
            f"set max_items to at most {largest} or raise memory_limit_gb."
        )


def closed_form(bought: sp.csr_matrix, regularization: float) -> np.ndarray:
    """EASE's dense weights, float32 (items, items) with a zero diagonal.

    bought  float32 CSR (users, items)
    Raises  DataError if the ridge is too small for float32, e.g. beside items that the same users bought.
    """
    from scipy.linalg import lapack

    gram = (bought.T @ bought).toarray(order="F")
    # A ridge that float32 rounds away leaves it to the processor whether LAPACK notices.
    _check_solved(regularization > np.finfo(np.float32).eps * gram.diagonal().max(), regularization)
    gram[np.diag_indices_from(gram)] += regularization
    factor, failed = lapack.spotrf(gram, overwrite_a=True)
    _check_solved(not failed, regularization)
    inverse, failed = lapack.spotri(factor, overwrite_c=True)  # the upper triangle only
    _check_solved(not failed, regularization)
    inverse = np.triu(inverse)
    inverse += np.triu(inverse, 1).T
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0
    _check_solved(np.isfinite(weights).all(), regularization)
    return weights


def _check_solved(solved: bool, regularization: float) -> None:
    """In exact arithmetic any ridge makes the gram matrix positive definite; in float32 a tiny one is rounded away."""
    if not solved:
        raise DataError(
            "ease: the items' gram matrix cannot be inverted: some items are bought by the same users and "
            f"regularization {regularization:g} is too small to tell them apart; raise `regularization`."
        )
