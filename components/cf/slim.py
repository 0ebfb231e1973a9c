"""SLIM: sparse item-to-item weights by an elastic net, none negative, an item never from itself.

Use it where EASE is used and few, explainable weights are wanted: L1 sets most of them to exactly 0. An item is
regressed on its `candidates` most similar items, by coordinate descent over many items at once.
Cost: sweeps × items × candidates² operations, and one small sparse product per item; 12,000 items take some ten
seconds. Memory: blocks of candidates², never items².
Source: Ning & Karypis 2011 (doi:10.1109/ICDM.2011.134), with the feature selection of its section V.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._recency import RecencyConfig, RecencyModel
from components.cf._regressions import regress, regress_part
from components.core.bundle import pack_csr, unpack_csr
from components.core.dataset import Dataset, Histories
from components.core.forms import SparseModel
from components.core.memory import Part
from components.core.model import Capabilities
from components.core.space import Choice, Floats


class SlimConfig(RecencyConfig):
    """l1 and l2 are in buyers: an item that shares fewer than l1 buyers with another gets no weight from it.

    candidates are tried per item; sweeps bound the coordinate descent, which ends when no weight moves by `tolerance`.
    half_life_days and basket_decay weigh the history that is scored.
    """

    space: ClassVar = RecencyConfig.space | {
        "l1": Floats(0.01, 20, log=True),
        "l2": Floats(1, 500, log=True),
        "candidates": Choice((50, 100, 200)),
    }
    l1: float = Field(default=1, ge=0)
    l2: float = Field(default=50, gt=0)
    candidates: int = Field(default=100, ge=1, le=2000)
    sweeps: int = Field(default=30, ge=1, le=1000)
    tolerance: float = Field(default=1e-4, gt=0)


class Slim(SparseModel, RecencyModel):
    """Sum of the weights of the history's items."""

    version = 1
    Config = SlimConfig
    capabilities = Capabilities(uses_time=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of every item's candidates and their weights, and of the gram blocks in hand."""
        return [regress_part(len(data.items), data, self.config.candidates, "candidates")]

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        bought = data.histories.matrix(self.n_items, binary=True)
        targets = np.flatnonzero(np.bincount(bought.indices, minlength=self.n_items))
        candidates = min(self.config.candidates, max(self.n_items - 1, 1))
        self.weights = regress(bought, targets, candidates, self._solve, "slim")

    def _solve(self, grams: np.ndarray, right: np.ndarray) -> np.ndarray:
        config = self.config
        return elastic_net(grams, right, config.l1, config.l2, config.sweeps, config.tolerance)

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Weighted history times weights; 0 for items nothing of the history speaks for."""
        return self.recent(histories) @ self.weights

    def state(self) -> dict[str, np.ndarray]:
        """weights: CSR (n_items, n_items), row i holds what item i speaks for."""
        return pack_csr("weights", self.weights)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the weights."""
        self.weights = unpack_csr("weights", arrays)


def elastic_net(
    grams: np.ndarray, right: np.ndarray, l1: float, l2: float, sweeps: int, tolerance: float
) -> np.ndarray:
    """Minimise ½ w'Gw − r'w + l1·|w| + ½ l2·|w|² over w >= 0, for many (G, r) at once, one coordinate at a time.

    grams    float32 (problems, n, n), symmetric
    right    float32 (problems, n)
    Returns  float32 (problems, n)
    """
    weights = np.zeros_like(right)
    residual = right - l1  # r − l1 − Gw
    scale = np.ascontiguousarray(np.diagonal(grams, axis1=1, axis2=2)) + np.float32(l2)
    for _ in range(sweeps):
        largest = 0.0
        for at in range(right.shape[1]):
            own = scale[:, at] - np.float32(l2)
            new = np.maximum(residual[:, at] + own * weights[:, at], 0) / scale[:, at]
            step = new - weights[:, at]
            moved = np.flatnonzero(step)
            if len(moved) == 0:
                continue
            weights[:, at] = new
            residual[moved] -= step[moved, None] * grams[moved, at]
            largest = max(largest, float(np.abs(step[moved]).max()))
        if largest < tolerance:
            break
    return weights
