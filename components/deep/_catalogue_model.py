"""What the models that score the whole catalogue by one pass share: options, the scale of scores, their bundle."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from components.core.dataset import Dataset
from components.core.memory import Part
from components.core.space import EMBEDDING, EPOCHS, Choice, Floats
from components.deep import _memory
from components.deep._later import BLOCK, later_of, mean_gain, teaches
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
        "learning_rate": Floats(0.0003, 0.05, log=True),
        "regularization": Floats(1e-7, 0.01, log=True),
        "batch_size": Choice((128, 256, 512, 1024)),
        "epochs": EPOCHS,
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

    start_option: ClassVar[str] = "embedding_size"  # how many directions the training starts from
    config: CatalogueConfig

    @abstractmethod
    def trainer(self, data: Dataset, rng: np.random.Generator) -> Trainer:
        """A network at its start, ready to learn from `data`, which may hold less than the whole past."""

    def memory(self, data: Dataset) -> list[Part]:
        """Of the weights, their start, a training step, and the scores by which the epoch is chosen."""
        config, n = self.config, len(data.items)
        size, sampled = getattr(config, self.start_option), self.negatives_of(n)
        few = f"use fewer negatives ({config.negatives if sampled < n else 'all items'})"
        smaller = f"use a smaller {self.start_option} ({size})"
        return [
            _memory.weights(self.parameters(len(data.users), n), smaller),
            _memory.start(len(data.users), n, size, smaller),
            _memory.step(self.step_cells(sampled), f"{few} or a smaller batch_size ({config.batch_size})"),
            _memory.step(self.catalogue_cells(len(data.users), n), smaller),
            _memory.step(BLOCK * float(n) if config.validation_share else 0, "use validation_share: 0"),
        ]

    def targeted(self, data: Dataset) -> np.ndarray | None:
        """bool (n_items,), the items that are to be foretold; None: all."""
        return None

    def negatives_of(self, n_items: int) -> int:
        """Items that stand for the catalogue in a step."""
        return min(self.config.negatives or n_items, n_items)

    def parameters(self, n_users: int, n_items: int) -> float:
        """Weights that grow with the catalogue."""
        return n_items * (self.config.embedding_size + 1.0)

    def step_cells(self, negatives: int) -> float:
        """Logits of one step."""
        return float(self.config.batch_size) * negatives

    def catalogue_cells(self, n_users: int, n_items: int) -> float:
        """What a step makes for the whole catalogue, whatever the batch."""
        return 0.0

    def kept_back(self, data: Dataset, rng: np.random.Generator) -> tuple[Dataset, Callable[[], float]] | None:
        """What is left to learn from, and how well the weights of the moment foretell the rest; None without a rest.

        The gain is the mean of 1 / log2(1 + rank) in the whole catalogue: it means the same whatever the loss.
        """
        config, targets = self.config, self.targeted(data)
        later = (
            later_of(data.histories, config.validation, config.validation_share, rng, targets)
            if config.validation_share
            else None
        )
        if later is None or not teaches(later.past, targets):
            return None
        return replace(data, histories=later.past), lambda: mean_gain(self.logits, later)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        from components.deep._early_stopping import fit

        fitted = fit(self, data, rng)
        self.weights = fitted.weights
        self._curves = fitted.curves
        self._remarks = [f"{self.component()}: {remark}" for remark in fitted.remarks]
