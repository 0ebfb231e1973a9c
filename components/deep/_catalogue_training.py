"""What trains the models that score the whole catalogue. Importing this file imports TensorFlow: only `fit` does."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from components.deep._catalogue_model import CatalogueConfig
from components.deep._sampled_softmax import NEGATIVE_POWER, own_counts
from components.deep._shrinkage import GRADIENT_NORM, decayed, shrinking

LAST_RATE = 0.05  # of the highest learning rate, at the end of the last epoch
WARM_UP = 0.05  # share of the steps in which the learning rate rises


class Negatives:
    """Draws the items that stand for the catalogue in one training step."""

    def __init__(self, popularity: np.ndarray, n: int, rng: np.random.Generator):
        """popularity float (n_items,), 0 for what is never drawn; n = 0 gives all the others each time."""
        share = popularity.astype(np.float64) ** NEGATIVE_POWER
        self.share = share / share.sum()
        self.cumulative = np.cumsum(self.share)
        expected = n * self.share if n else np.ones(len(self.share))
        self.log_expected = np.log(np.maximum(expected, np.finfo(np.float32).tiny)).astype(np.float32)
        self.n, self.rng = n, rng

    def draw(self, targets: np.ndarray) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """int32 (n,) items; float32 (n,) the log of how often each is expected among them; and how targets count there.

        targets  int (pairs,), items; the last of the three is float32 (pairs,), as `own_counts` has it
        """
        if self.n:
            drawn = np.searchsorted(self.cumulative, self.rng.random(self.n)).clip(max=len(self.share) - 1)
        else:
            drawn = np.flatnonzero(self.share)
        own = own_counts(drawn, self.log_expected, targets)
        return tf.constant(drawn, tf.int32), tf.constant(self.log_expected[drawn]), tf.constant(own, tf.float32)


class Step:
    """One step on a batch of tensors: descends on the loss and returns it.

    variables  all that a checkpoint has to hold: the network's, the optimizer's, and other state of the graph
    """

    def __init__(
        self,
        loss_of: Callable[..., tf.Tensor],
        variables: list[keras.Variable],
        config: CatalogueConfig,
        steps_per_epoch: int,
        signature: tuple,
        other_state: list[keras.Variable] = (),
    ):
        """loss_of and signature as of one batch; other_state, e.g. the seeds of the network's dropout."""
        optimizer = _optimizer(variables, config, steps_per_epoch)
        shrink = shrinking(variables, optimizer, config.l1)
        self.variables = [*variables, *other_state, *optimizer.variables]
        self._optimizer = optimizer

        @tf.function(input_signature=signature)
        def step(*batch: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = loss_of(*batch)
            gradients = tape.gradient(loss, [v.value for v in variables])
            optimizer.apply(gradients, variables)
            shrink()
            return loss

        self._step = step

    def __call__(self, *batch: tf.Tensor) -> tf.Tensor:
        """The loss before the step."""
        return self._step(*batch)

    @property
    def done(self) -> int:
        """Steps so far, those before a checkpoint included."""
        return int(self._optimizer.iterations.numpy())


def _optimizer(variables: list[keras.Variable], config: CatalogueConfig, steps_per_epoch: int) -> keras.Optimizer:
    """AdamW whose rate rises for a twentieth of the planned steps, then falls along a half cosine."""
    steps = max(1, config.epochs * steps_per_epoch)
    warm_up = max(1, int(WARM_UP * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / warm_up,
        max(1, steps - warm_up),
        alpha=LAST_RATE,
        warmup_target=config.learning_rate,
        warmup_steps=warm_up,
    )
    adam = keras.optimizers.AdamW(rate, weight_decay=config.regularization, global_clipnorm=GRADIENT_NORM)
    optimizer = decayed(adam)
    optimizer.build(variables)
    return optimizer


def sparse_of(matrix: sp.spmatrix) -> tf.SparseTensor:
    """A scipy matrix as a constant of the graph, its entries in order."""
    m = sp.csr_matrix(matrix)
    m.sort_indices()
    m = m.tocoo()
    return tf.SparseTensor(np.stack([m.row, m.col], axis=1).astype(np.int64), m.data.astype(np.float32), m.shape)


def vector_of(dtype: tf.DType, rank: int = 1) -> tf.TensorSpec:
    """Signature of a tensor whose dimensions are all open, so that a step is traced once."""
    return tf.TensorSpec([None] * rank, dtype)


def named(model: keras.Model) -> dict[str, np.ndarray]:
    """A Keras model's weights by path, a dot for each slash."""
    return {v.path.replace("/", "."): v.numpy() for v in model.trainable_variables}
