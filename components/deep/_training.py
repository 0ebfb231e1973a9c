"""The training loop shared by the sequence models: sampled or full softmax, early stopping on later time, a time limit.

Importing this file imports TensorFlow (10 s, 800 MB): only `fit` of a model does, never its scoring.
"""

from __future__ import annotations

import math
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
from components.deep._contrast import pretrain
from components.deep._journal import Journal
from components.deep._model import SCORED_AT_ONCE
from components.deep._network import NEGATIVES, TARGETS, WINDOWS, Network, Tensors, pairs, tensors
from components.deep._sampled_softmax import NEGATIVE_POWER, own_counts, sampled_softmax
from components.deep._sequences import (
    Targets,
    Windows,
    baskets_of,
    kept_back,
    targets_after,
    training_batches,
    without_last,
)
from components.deep._shrinkage import GRADIENT_NORM, decayed, shrinking
from components.deep._start import START_NORM, popularity_of, start_embeddings, trend_of
from components.deep._workers import Workers, share_of

WARM_UP_SHARE, LAST_RATE_SHARE = 0.1, 0.1  # of the steps, and of the learning rate, with the cosine schedule


@dataclass
class Trained:
    """Weights by name of the best epoch, and the curves.

    train_loss, validation_loss  per epoch, nats: sampled softmax, full softmax (where something is kept back)
    contrast_loss                per epoch before those, nats (with contrast_epochs)
    cut_short                    the clock ended the training, not epochs or patience
    """

    weights: dict[str, np.ndarray] = field(default_factory=dict)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    contrast_loss: list[float] = field(default_factory=list)
    cut_short: bool = False

    def add(self, train_loss: float, validation_loss: float | None, network: Network) -> None:
        """Record an epoch; keep its weights if no other foretold the validation events better."""
        self.train_loss.append(train_loss)
        self.validation_loss += [] if validation_loss is None else [validation_loss]
        if self.epochs_since_best == 0:
            self.weights = network.weights()

    @property
    def curves(self) -> dict[str, list[float]]:
        """All curves there are, by name."""
        names = ("train_loss", "validation_loss", "contrast_loss")
        return {name: values for name in names if (values := getattr(self, name))}

    def take(self, curves: dict[str, list[float]], weights: dict[str, np.ndarray]) -> None:
        """Go on from a checkpoint's curves and best weights; empty ones change nothing."""
        for name, values in curves.items():
            setattr(self, name, values)
        self.weights = weights

    @property
    def epochs_since_best(self) -> int:
        """0 where the last epoch is the best so far, or there was none."""
        losses = self.validation_loss
        return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def train(
    build_encoder: Callable[[SequenceConfig, np.random.Generator], keras.Model],
    histories: Histories,
    n_items: int,
    config: SequenceConfig,
    rng: np.random.Generator,
    journal: Journal | None = None,
    ends: Callable[[], float] | None = None,
) -> Trained:
    """Fit a network on the past, keep the best epoch on later time, then shift its biases by the newest trend.

    config   workers: cluster joins the others of TF_CONFIG
    ends     when it stops, time.monotonic(), asked as it begins; None: after max_minutes
    journal  keeps a checkpoint and TensorBoard logs, and resumes a training that was killed; None does neither
    Raises DataError if there is nothing to learn a sequence from, nothing later to validate on, or a loss that is not
    finite: no NaN leaves this function.
    """
    workers = Workers.join() if config.workers == "cluster" else None  # first: TensorFlow must not have begun
    journal = None if workers else journal
    deadline = ends() if ends else time.monotonic() + 60 * config.max_minutes
    later = kept_back(histories, config, rng)  # nobody's where the last epoch is taken
    past = without_last(histories, later)
    validation = list(targets_after(baskets_of(histories), later, config, SCORED_AT_ONCE))
    _check(past, validation, config)
    popularity = popularity_of(past, n_items)
    start = START_NORM * start_embeddings(past, n_items, config.embedding_size, rng)
    network = Network(build_encoder(config, rng), start, popularity, config.temperature)
    steps = math.ceil((np.diff(baskets_of(past).row_start) >= 2).sum() / config.batch_size) * config.epochs
    optimizer = _optimizer(network, config, steps)
    step, loss = _train_step(network, optimizer, config, workers), _full_loss(network)
    late, agreed = (workers.any, workers.mean) if workers else (bool, float)
    if workers:
        workers.same_start(network.variables)
    result = Trained()
    variables = [*network.variables, *network.encoder.non_trainable_variables, *optimizer.variables]
    if journal:
        result.take(*journal.resume(variables, rng))
    if config.contrast_epochs and not result.train_loss:
        result.contrast_loss = pretrain(network, baskets_of(past), config, rng, deadline)
    for epoch in track(range(len(result.train_loss) + 1, config.epochs + 1), "training epochs"):
        if result.epochs_since_best >= config.patience:
            break
        batches = _batches(past, popularity, config, rng, workers)
        train_loss = _epoch(step, batches, lambda: late(time.monotonic() > deadline))
        validation_loss = agreed(_mean_loss(loss, validation)) if validation else None
        _check_finite((train_loss, validation_loss or 0.0), epoch, config)
        result.add(train_loss, validation_loss, network)
        result.cut_short = late(time.monotonic() > deadline)
        if result.cut_short:
            break
        if journal:
            journal.save(variables, result.weights, result.curves, rng)
    if journal:
        journal.close()
    if config.trend_days is not None:
        trend = trend_of(histories, n_items, days=config.trend_days, lines=config.trend_lines)
        result.weights["item_biases"] = result.weights["item_biases"] + trend
    return result


def _check(past: Histories, validation: list[tuple[Windows, Targets]], config: SequenceConfig) -> None:
    if not (np.diff(baskets_of(past).row_start) >= 2).any():
        raise DataError(
            f"sequence model: none of {len(past)} histories has two baskets before the last "
            f"{config.validation_share:.0%} of the events; bring more history or lower validation_share."
        )
    if not validation and config.best_by != "last":
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
    past: Histories,
    popularity: np.ndarray,
    config: SequenceConfig,
    rng: np.random.Generator,
    workers: Workers | None = None,
) -> Iterator[tuple[Tensors, Tensors, Tensors]]:
    """Windows, targets and negatives of every training step of one epoch; of several workers, this one's share."""
    share = popularity**NEGATIVE_POWER
    share /= share.sum()
    for windows, targets in training_batches(baskets_of(past), config, rng):
        drawn = rng.choice(len(share), size=config.negatives, p=share) if config.negatives else np.zeros(0, np.int64)
        if workers:
            windows, targets = share_of(windows, targets, workers.index, workers.number)
        expected = np.log(max(config.negatives, 1) * share)
        yield tensors(windows), pairs(targets), _negatives(drawn, expected, targets.items)


def _negatives(drawn: np.ndarray, log_expected: np.ndarray, targets: np.ndarray) -> Tensors:
    """What the loss takes of the items drawn: their indices, their log expected counts, and `own_counts` of each pair.

    log_expected  (n_items,); targets int (pairs,)
    """
    own = own_counts(drawn, log_expected, targets)
    return tf.constant(drawn, tf.int32), tf.constant(log_expected[drawn], tf.float32), tf.constant(own, tf.float32)


def _epoch(step: Callable, batches: Iterator[tuple[Tensors, Tensors, Tensors]], late: Callable[[], bool]) -> float:
    """Mean loss of the batches there was time for, one at least."""
    losses = []
    for windows, targets, negatives in batches:
        losses.append(float(step(windows, targets, negatives)))
        if late():
            break
    return float(np.mean(losses))


def _learning_rate(config: SequenceConfig, steps: int) -> float | keras.optimizers.schedules.CosineDecay:
    """The rate of each of `steps` training steps."""
    if config.schedule == "constant":
        return config.learning_rate
    rising = math.ceil(WARM_UP_SHARE * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=config.learning_rate,
        warmup_steps=rising,
        decay_steps=max(steps - rising, 1),
        alpha=LAST_RATE_SHARE,
    )


def _optimizer(network: Network, config: SequenceConfig, steps: int) -> keras.Optimizer:
    """Adam with its variables made, so that a checkpoint can fill them."""
    adam = keras.optimizers.Adam(
        _learning_rate(config, steps),
        beta_2=config.beta_2,
        weight_decay=config.regularization or None,
        global_clipnorm=GRADIENT_NORM,
    )
    optimizer = decayed(adam)
    optimizer.build(network.variables)
    return optimizer


def _train_step(
    network: Network, optimizer: keras.Optimizer, config: SequenceConfig, workers: Workers | None = None
) -> Callable:
    """One step on the softmax over those drawn, or with `negatives` 0 over the whole catalogue.

    workers  that have a share of the batch each: losses and gradients are their sums
    """
    losses_of = sampled_losses if config.negatives else full_losses
    shrink = shrinking(network.variables, optimizer, config.l1)

    def descent(windows: Tensors, targets: Tensors, negatives: Tensors) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            queries = network.queries(tf.gather(network.states(windows, training=True), targets[0]))
            weights = targets[3]
            loss = tf.reduce_sum(losses_of(network, queries, targets, negatives) * weights)
            loss = loss if workers else loss / tf.reduce_sum(weights)  # a share's weights are divided already
        return loss, tape.gradient(loss, [v.value for v in network.variables])

    @tf.function(input_signature=(WINDOWS, TARGETS, NEGATIVES))
    def step(*batch: Tensors) -> tf.Tensor:
        loss, gradients = workers.summed(descent, batch) if workers else descent(*batch)
        optimizer.apply(gradients, network.variables)
        shrink()
        return loss

    return workers.watched(step) if workers else step


def sampled_losses(network: Network, queries: tf.Tensor, targets: Tensors, negatives: Tensors) -> tf.Tensor:
    """float32 (pairs,): the sampled softmax."""
    _, query, items, _ = targets
    drawn, log_expected, own = negatives
    logits = network.pair_logits(queries, query, items)
    return sampled_softmax(logits, query, network.logits(queries, drawn), log_expected, own)


def full_losses(network: Network, queries: tf.Tensor, targets: Tensors, _: Tensors = ()) -> tf.Tensor:
    """float32 (pairs,): −log of the target's share in the softmax over the whole catalogue."""
    _, query, items, _ = targets
    partition = tf.reduce_logsumexp(network.all_logits(queries), axis=1)
    return tf.gather(partition, query) - network.pair_logits(queries, query, items)


def _full_loss(network: Network) -> Callable:
    """Weighted sum of the full softmax' losses over the pairs, and the sum of the weights."""

    @tf.function(input_signature=(WINDOWS, TARGETS))
    def loss(windows: Tensors, targets: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        slots, _, _, weights = targets
        queries = network.queries(tf.gather(network.states(windows, training=False), slots))
        return tf.reduce_sum(full_losses(network, queries, targets) * weights), tf.reduce_sum(weights)

    return loss


def _mean_loss(loss: Callable, blocks: list[tuple[Windows, Targets]]) -> float:
    sums = np.array([[float(x) for x in loss(tensors(w), pairs(t))] for w, t in blocks])
    return float(sums[:, 0].sum() / sums[:, 1].sum())
