"""What every network that gives logits over the whole catalogue shares: the scale of its scores, and its bundle."""

from __future__ import annotations

import time
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

    def deadline(self) -> float:
        """time.monotonic() at which a training that begins now stops: after max_minutes, at ends_by at the latest."""
        own = time.monotonic() + 60 * self.config.max_minutes
        self.pressed = self.ends_by is not None and self.ends_by < own
        return self.ends_by if self.pressed else own

    def more_time(self) -> str:
        """In words, what gives a training more time."""
        return "give the run more minutes" if self.pressed else f"raise max_minutes ({self.config.max_minutes:g})"

    def stopped(self, epoch: int) -> str:
        """In words, that the clock stopped the training, and what to do."""
        whose = "the end of the run's minutes" if self.pressed else "the clock"
        return (
            f"{whose} stopped the training in epoch {epoch} of {self.config.epochs}, so the result depends on this "
            f"machine; {self.more_time()} or lower epochs"
        )

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
