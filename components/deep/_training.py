"""The training loop shared by the sequence models: sampled softmax, early stopping on later time, a time limit.

Importing this file imports TensorFlow (10 s, 800 MB): only `fit` of a model does, never its scoring.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from components.core.dataset import Histories
from components.core.errors import DataError
from components.core.progress import track
from components.deep._config import SequenceConfig
from components.deep._network import NEGATIVES, TARGETS, WINDOWS, Network, Tensors, pairs, tensors
from components.deep._sequences import (
    Targets,
    Windows,
    baskets_of,
    targets_after,
    time_split,
    training_batches,
)
from components.deep._start import popularity_of, start_embeddings, trend_of

NEGATIVE_POWER = 0.5  # negatives ~ popularity ** power: between uniform (0) and as bought (1)
VALIDATION_BLOCK = 256  # users whose logits of the whole catalogue are in memory at once
GRADIENT_NORM = 5.0  # clipping; a basket of 150 lines makes outsized gradients early on


@dataclass
class Trained:
    """Weights by name, and the loss per epoch in nats: train (sampled softmax) and validation (full softmax).

    cut_short  the clock ended the training, not epochs or patience
    """

    weights: dict[str, np.ndarray] = field(default_factory=dict)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    cut_short: bool = False

    def add(self, train_loss: float, validation_loss: float, network: Network) -> None:
        """Record an epoch; keep its weights if no other foretold the validation events better."""
        self.train_loss.append(train_loss)
        self.validation_loss.append(validation_loss)
        if self.epochs_since_best == 0:
            self.weights = network.weights()

    @property
    def epochs_since_best(self) -> int:
        """0 where the last epoch is the best so far."""
        return len(self.validation_loss) - 1 - int(np.argmin(self.validation_loss))


def train(
    build_encoder: Callable[[SequenceConfig, np.random.Generator], keras.Model],
    histories: Histories,
    n_items: int,
    config: SequenceConfig,
    rng: np.random.Generator,
) -> Trained:
    """Fit a network on the past, keep the best epoch on later time, then shift its biases by the newest trend.

    Raises DataError if there is nothing to learn a sequence from, nothing later to validate on, or a loss that is not
    finite: no NaN leaves this function.
    """
    deadline = time.monotonic() + 60 * config.max_minutes
    past, cutoff = time_split(histories, config.validation_share)
    validation = list(targets_after(baskets_of(histories), cutoff, config, VALIDATION_BLOCK))
    _check(past, validation, config)
    popularity = popularity_of(past, n_items)
    start = start_embeddings(past, n_items, config.embedding_size, rng)
    network = Network(build_encoder(config, rng), start, popularity)
    step, loss = _train_step(network, config), _full_loss(network)
    result = Trained()
    for epoch in track(range(1, config.epochs + 1), "training epochs"):
        batches = _batches(past, popularity, config, rng)
        losses = _epoch(step, batches, deadline), _mean_loss(loss, validation)
        _check_finite(losses, epoch, config)
        result.add(*losses, network)
        result.cut_short = time.monotonic() > deadline
        if result.cut_short or result.epochs_since_best >= config.patience:
            break
    trend = trend_of(histories, n_items, days=config.trend_days, lines=config.trend_lines)
    result.weights["item_biases"] = result.weights["item_biases"] + trend
    return result


def _check(past: Histories, validation: list[tuple[Windows, Targets]], config: SequenceConfig) -> None:
    if not (np.diff(baskets_of(past).row_start) >= 2).any():
        raise DataError(
            f"sequence model: none of {len(past)} histories has two baskets before the last "
            f"{config.validation_share:.0%} of the events; bring more history or lower validation_share."
        )
    if not validation:
        raise DataError(
            f"sequence model: no user bought both before and in the last {config.validation_share:.0%} of the "
            "events; raise validation_share."
        )


def _check_finite(losses: tuple[float, float], epoch: int, config: SequenceConfig) -> None:
    if not np.isfinite(losses).all():
        train_loss, validation_loss = losses
        raise DataError(
            f"sequence model: in epoch {epoch} the training loss is {train_loss:g}, the validation loss "
            f"{validation_loss:g}; lower learning_rate ({config.learning_rate:g}) or bring more history."
        )


def _batches(
    past: Histories, popularity: np.ndarray, config: SequenceConfig, rng: np.random.Generator
) -> Iterator[tuple[Tensors, Tensors, Tensors]]:
    """Windows, targets and negatives of every training step of one epoch."""
    share = popularity**NEGATIVE_POWER
    share /= share.sum()
    for windows, targets in training_batches(baskets_of(past), config, rng):
        drawn = rng.choice(len(share), size=config.negatives, p=share)
        log_expected = np.log(config.negatives * share[drawn])
        negatives = tf.constant(drawn, tf.int32), tf.constant(log_expected, tf.float32)
        yield tensors(windows), pairs(targets), negatives


def _epoch(step: Callable, batches: Iterator[tuple[Tensors, Tensors, Tensors]], deadline: float) -> float:
    """Mean loss of the batches there was time for, one at least."""
    losses = []
    for windows, targets, negatives in batches:
        losses.append(float(step(windows, targets, negatives)))
        if time.monotonic() > deadline:
            break
    return float(np.mean(losses))


def _train_step(network: Network, config: SequenceConfig) -> Callable:
    """One step of Adam on the sampled softmax with logQ correction (Bengio & Senécal 2008).

    A negative counts as the inverse of how often it is expected among those drawn, so that they stand for the whole
    catalogue. A target that is also drawn counts twice: off by its probability, a few per cent at most.
    """
    optimizer = keras.optimizers.Adam(config.learning_rate, global_clipnorm=GRADIENT_NORM)
    optimizer.build(network.variables)

    @tf.function(input_signature=(WINDOWS, TARGETS, NEGATIVES))
    def step(windows: Tensors, targets: Tensors, negatives: Tensors) -> tf.Tensor:
        slots, query, items, weights = targets
        drawn, log_expected = negatives
        with tf.GradientTape() as tape:
            states = tf.gather(network.states(windows, training=True), slots)
            others = tf.reduce_logsumexp(network.logits(states, drawn) - log_expected, axis=1)
            losses = tf.math.softplus(tf.gather(others, query) - network.pair_logits(states, query, items))
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        gradients = tape.gradient(loss, [v.value for v in network.variables])
        optimizer.apply(gradients, network.variables)
        return loss

    return step


def _full_loss(network: Network) -> Callable:
    """Weighted sum of the full softmax' losses over the pairs, and the sum of the weights."""

    @tf.function(input_signature=(WINDOWS, TARGETS))
    def loss(windows: Tensors, targets: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        slots, query, items, weights = targets
        states = tf.gather(network.states(windows, training=False), slots)
        partition = tf.reduce_logsumexp(network.all_logits(states), axis=1)
        losses = tf.gather(partition, query) - network.pair_logits(states, query, items)
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    return loss


def _mean_loss(loss: Callable, blocks: list[tuple[Windows, Targets]]) -> float:
    sums = np.array([[float(x) for x in loss(tensors(w), pairs(t))] for w, t in blocks])
    return float(sums[:, 0].sum() / sums[:, 1].sum())
