"""What the models that score the whole catalogue by one pass share: options, the scale of scores, their bundle."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from components.core.dataset import Dataset
from components.core.space import EMBEDDING, Choice, Floats
from components.deep._shrinkage import ShrinkageConfig
from components.deep._softmax_model import SoftmaxModel

if TYPE_CHECKING:
    from components.deep._early_stopping import Trainer


class CatalogueConfig(ShrinkageConfig):
    """Size, how long to learn, and on what the epoch is chosen; regularization and l1 as in deep/_shrinkage.py.

    embedding_size    length of user and item vectors
    dropout           share of the inputs left out while training
    learning_rate     at its highest; it falls along a half cosine over the epochs
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
    batch_size: int = Field(default=256, ge=1)
    negatives: int = Field(default=1024, ge=0)
    epochs: int = Field(default=15, ge=1)
    patience: int = Field(default=3, ge=1)
    validation: Literal["later", "last_baskets"] = "later"
    validation_share: float = Field(default=0.05, ge=0, lt=0.5)
    refit: bool = False
    max_minutes: float = Field(default=5, gt=0)


class CatalogueModel(SoftmaxModel):
    """Fitted by a trainer of its own; the epoch that foretells later events best is kept.

    Curves: train_loss, and validation_gain, the mean of 1 / log2(1 + rank) over what was kept back.
    """

    config: CatalogueConfig

    @abstractmethod
    def trainer(self, data: Dataset, rng: np.random.Generator) -> Trainer:
        """A network at its start, ready to learn from `data`, which may hold less than the whole past."""

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        from components.deep._early_stopping import fit

        fitted = fit(self, data, rng)
        self.weights = fitted.weights
        self._curves = fitted.curves
        self._remarks = [f"{self.component()}: {remark}" for remark in fitted.remarks]
