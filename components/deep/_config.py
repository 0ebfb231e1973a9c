"""Options the sequence models have in common."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from components.core.space import EMBEDDING, EPOCHS, NEGATIVES, REPEAT_WEIGHT, Choice, Floats, Ints
from components.deep._shrinkage import ShrinkageConfig


class SequenceConfig(ShrinkageConfig):
    """What is read, what is to be foretold, and how long to learn; regularization and l1 as in deep/_shrinkage.py.

    embedding_size    length of item vectors and states
    max_length        baskets of a history that are read, the last ones
    horizon           baskets after a slot whose items are to be foretold
    repeat_weight     weight of a target the user had bought before, against 1 for a first buy
    queries           slots foretold from, per training step
    negatives         items drawn per training step to stand for the catalogue, counted by how often each is expected
                      (logQ); 0 takes the whole catalogue, the full softmax: exact, and n_items / negatives times dearer
    temperature       None: logit = state · item + item bias. A number: cosine of state and item over it, plus the bias;
                      rare items then compete on direction alone, which pays where most items are bought a few times
    input_dropout     dropout of the basket vectors; None is the same as dropout
    schedule          constant learning rate, or cosine: rises over the first tenth of all steps, then falls to a tenth
    beta_2            Adam's memory of squared gradients: 0.98 follows a falling learning rate better than 0.999
    batch_size        users per training step
    epochs            passes over the users, at most
    patience          epochs without a better one, by `best_by`, before training stops
    validation        what is kept back to choose the epoch: the last share of all events ("later"), or the last basket
                      of a share of the users ("last_baskets"), for data whose times are only an order
    validation_share  that share
    best_by           the epoch is chosen by the validation loss, or by the "gain", the mean of 1 / log2(1 + rank) of
                      what users then bought anew: with a temperature the loss begins to rise long before the lists
                      cease to get better; "last" keeps nothing back and takes the last epoch, as a falling learning
                      rate allows
    trend_days        item biases are shifted by how much better items sold in the last days than in all time; None: not
    trend_lines       lines of all-time sales mixed into the trend: more of them, less of it
    contrast_epochs   passes over the users before all that, in which two changed views of one history (cropped, masked,
                      reordered) are to have the most alike states of a batch (CL4SRec); 0: none
    contrast_temperature  of the cosine of two states there
    workers           one: this process alone; cluster: the processes that the environment's TF_CONFIG names, together,
                      each on its share of every batch (docs/scale-out.md); no checkpoint is kept then
    max_minutes       wall time of training, a safety stop: where it cuts in, results depend on the machine and the
                      model says so (`remarks`); epochs and patience are meant to end the training long before
    """

    space: ClassVar = {
        "embedding_size": EMBEDDING,
        "max_length": Choice((20, 50, 64, 100)),
        "horizon": Ints(1, 8),
        "repeat_weight": REPEAT_WEIGHT,
        "temperature": Choice((None, 0.05, 0.1, 0.2)),
        "dropout": Floats(0.1, 0.7),
        "input_dropout": Choice((None, 0.1, 0.3)),
        "learning_rate": Floats(0.0005, 0.01, log=True),
        "schedule": Choice(("constant", "cosine")),
        "batch_size": Choice((64, 128, 256)),
        "queries": Choice((512, 2048, 8192)),
        "negatives": NEGATIVES,
        "epochs": EPOCHS,
        "best_by": Choice(("loss", "gain", "last")),
    }
    embedding_size: int = Field(default=64, ge=2, le=512)
    max_length: int = Field(default=64, ge=1, le=1000)
    horizon: int = Field(default=8, ge=1, le=100)
    repeat_weight: float = Field(default=0.2, gt=0, le=1)
    dropout: float = Field(default=0.4, ge=0, lt=1)
    input_dropout: float | None = Field(default=None, ge=0, lt=1)
    temperature: float | None = Field(default=None, gt=0, le=10)
    learning_rate: float = Field(default=0.003, gt=0, le=1)
    schedule: Literal["constant", "cosine"] = "constant"
    beta_2: float = Field(default=0.999, gt=0, lt=1)
    batch_size: int = Field(default=64, ge=1)
    queries: int = Field(default=512, ge=1)
    negatives: int = Field(default=1024, ge=0)
    epochs: int = Field(default=8, ge=1)
    patience: int = Field(default=2, ge=1)
    validation: Literal["later", "last_baskets"] = "later"
    validation_share: float = Field(default=0.05, gt=0, lt=0.5)
    best_by: Literal["loss", "gain", "last"] = "loss"
    trend_days: float | None = Field(default=28, gt=0)
    trend_lines: float = Field(default=20, gt=0)
    contrast_epochs: int = Field(default=0, ge=0)
    contrast_temperature: float = Field(default=0.2, gt=0, le=10)
    workers: Literal["one", "cluster"] = "one"
    max_minutes: float = Field(default=5, gt=0)

    @model_validator(mode="after")
    def _contrast_of_two(self) -> SequenceConfig:
        if self.contrast_epochs and self.batch_size < 2:
            raise ValueError("batch_size must be 2 or more where there are contrast_epochs: users are told apart")
        return self

    @model_validator(mode="after")
    def _no_contrast_in_a_cluster(self) -> SequenceConfig:
        if self.workers == "cluster" and self.contrast_epochs:
            raise ValueError(
                "contrast_epochs must be 0 where workers is cluster: the contrast is trained by one process"
            )
        return self

    @property
    def input_dropout_share(self) -> float:
        """Dropout of the basket vectors."""
        return self.dropout if self.input_dropout is None else self.input_dropout
