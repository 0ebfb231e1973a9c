"""What every network that gives logits over the whole catalogue shares: the scale of its scores, and its bundle."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from components.core.dataset import Histories
from components.core.model import Model
from components.deep._numpy_layers import Weights, softmax


class SoftmaxModel(Model):
    """score = log(1 + n_items · p(item | history)), p the softmax of the logits.

    The score grows with the logit, is 0 for an item that is never bought, and log 2 for one as likely as if all items
    were alike. TensorFlow is imported while fitting only; `logits` is the same network in numpy.
    """

    softmax: ClassVar[bool] = True
    score_block: ClassVar[int] = 128  # histories whose logits are in memory at once
    weights: Weights
    _curves: dict[str, list[float]]
    _remarks: list[str]

    @abstractmethod
    def logits(self, histories: Histories) -> np.ndarray:
        """float32 (n, n_items), from `self.weights`."""

    def score(self, histories: Histories) -> np.ndarray:
        """log(1 + n_items · p), so that scores of different histories can be compared."""
        if not len(histories):
            return np.zeros((0, self.n_items), dtype=np.float32)
        blocks = (np.log1p(self.n_items * softmax(self.logits(part))) for part in histories.blocks(self.score_block))
        return np.concatenate([block.astype(np.float32) for block in blocks])

    def state(self) -> dict[str, np.ndarray]:
        """The arrays that `logits` needs; the model's own file names their shapes."""
        return self.weights

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the arrays; curves and remarks stay in the bundle's meta data."""
        self.weights = arrays
        self._curves, self._remarks = {}, []

    def curves(self) -> dict[str, list[float]]:
        """What was recorded per epoch, by name."""
        return self._curves

    def remarks(self) -> list[str]:
        """What cut the training short, or what it had to do without."""
        return self._remarks
