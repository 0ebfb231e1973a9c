"""What the models that score the whole catalogue by one pass share: options, the scale of scores, their bundle."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from components.core.config import Config
from components.core.dataset import Dataset, Histories
from components.core.model import Model
from components.core.space import EMBEDDING, Choice, Floats
from components.deep._numpy_layers import Weights, softmax

if TYPE_CHECKING:
    from components.deep._early_stopping import Trainer

SCORE_BLOCK = 128  # histories whose logits are in memory at once


class CatalogueConfig(Config):
    """Size, how long to learn, and on what the epoch is chosen.

    embedding_size    length of user and item vectors
    dropout           share of the inputs left out while training
    learning_rate     at its highest; it falls along a half cosine over the epochs
    regularization    decoupled weight decay (AdamW)
    batch_size        examples per training step
    negatives         items drawn per training step to stand for the catalogue; 0 takes the whole catalogue
    epochs            passes over the data, at most
    patience          epochs without a better validation before training stops
    validation        what is kept back to choose the epoch: `later`, the last share of all events; `last_baskets`, the
                      last basket of a share of the users, for data that know only the order of a user's events
    validation_share  that share; 0: nothing is kept back and all epochs are run
    refit             once the epoch is chosen, fit anew on all events for as many epochs: twice the time
    max_minutes       wall time of training, a safety stop: where it cuts in, the model says so (`remarks`)
    """

    space: ClassVar = {
        "embedding_size": EMBEDDING,
        "dropout": Floats(0.1, 0.8),
        "learning_rate": Floats(0.0003, 0.01, log=True),
        "regularization": Floats(1e-7, 0.01, log=True),
        "batch_size": Choice((128, 256, 512)),
    }
    embedding_size: int = Field(default=64, ge=2, le=512)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    learning_rate: float = Field(default=0.003, gt=0, le=1)
    regularization: float = Field(default=0.0, ge=0, le=1)
    batch_size: int = Field(default=256, ge=1)
    negatives: int = Field(default=1024, ge=0)
    epochs: int = Field(default=15, ge=1)
    patience: int = Field(default=3, ge=1)
    validation: Literal["later", "last_baskets"] = "later"
    validation_share: float = Field(default=0.05, ge=0, lt=0.5)
    refit: bool = False
    max_minutes: float = Field(default=5, gt=0)


class CatalogueModel(Model):
    """score = log(1 + n_items · p(item | history)), p the softmax of the logits.

    The score grows with the logit, is 0 for an item that is never bought, and log 2 for one as likely as if all items
    were alike. TensorFlow is imported by `trainer` only; `logits` is the same network in numpy.
    """

    config: CatalogueConfig

    @abstractmethod
    def trainer(self, data: Dataset, rng: np.random.Generator) -> Trainer:
        """A network at its start, ready to learn from `data`, which may hold less than the whole past."""

    @abstractmethod
    def logits(self, histories: Histories) -> np.ndarray:
        """float32 (n, n_items), from `self.weights`."""

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        from components.deep._early_stopping import fit

        fitted = fit(self, data, rng)
        self.weights: Weights = fitted.weights
        self._curves = fitted.curves
        self._remarks = [f"{self.component()}: {remark}" for remark in fitted.remarks]

    def score(self, histories: Histories) -> np.ndarray:
        """log(1 + n_items · p), so that scores of different histories can be compared."""
        if not len(histories):
            return np.zeros((0, self.n_items), dtype=np.float32)
        blocks = (np.log1p(self.n_items * softmax(self.logits(part))) for part in histories.blocks(SCORE_BLOCK))
        return np.concatenate([block.astype(np.float32) for block in blocks])

    def state(self) -> dict[str, np.ndarray]:
        """The arrays that `logits` needs; the model's own file names their shapes."""
        return self.weights

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the arrays; curves and remarks stay in the bundle's meta data."""
        self.weights = arrays
        self._curves, self._remarks = {}, []

    def curves(self) -> dict[str, list[float]]:
        """train_loss per epoch, and validation_gain: the mean of 1 / log2(1 + rank) over what was kept back."""
        return self._curves

    def remarks(self) -> list[str]:
        """What cut the training short, or what it had to do without."""
        return self._remarks
