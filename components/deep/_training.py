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

from components.core.baskets import baskets_of
from components.core.dataset import Histories
from components.core.errors import DataError
from components.core.progress import track
from components.deep._config import SequenceConfig
from components.deep._contrast import pretrain
from components.deep._early_stopping import epoch_of
from components.deep._journal import Journal
from components.deep._judging import Judgement, KeptBack, judge
from components.deep._later import kept_back, teaches
from components.deep._network import NEGATIVES, TARGETS, WINDOWS, Network, Tensors, pairs, tensors
from components.deep._sampled_softmax import NEGATIVE_POWER, own_counts
from components.deep._sequence_losses import full_losses, sampled_losses
from components.deep._sequences import training_batches
from components.deep._shrinkage import GRADIENT_NORM, decayed, shrinking
from components.deep._start import START_NORM, popularity_of, start_embeddings, trend_of
from components.deep._workers import Workers, share_of

WARM_UP_SHARE, LAST_RATE_SHARE = 0.1, 0.1  # of the steps, and of the learning rate, with the cosine schedule
LEAST_BASKETS = 3  # of a user whose last one is kept back: two are left to learn from


@dataclass
class Trained:
    """Weights by name of the best epoch, and the curves.

    best_by          the curve that says which epoch is the best, by SequenceConfig's name for it
    train_loss       per epoch, nats: sampled softmax
    validation_loss  per epoch, nats, and validation_gain: as `Judgement`, where something is kept back
    contrast_loss    per epoch before those, nats (with contrast_epochs)
    cut_short        the clock ended the training, not epochs or patience
    nothing_later    nothing could be kept back to judge epochs by, so all were run
    """

    best_by: str
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_gain: list[float] = field(default_factory=list)
    contrast_loss: list[float] = field(default_factory=list)
    cut_short: bool = False
    nothing_later: bool = False

    def add(self, train_loss: float, judged: Judgement | None, network: Network) -> None:
        """Record an epoch; keep its weights if no other foretold what was kept back better."""
        self.train_loss.append(train_loss)
        if judged:
            self.validation_loss.append(judged.validation_loss)
            self.validation_gain.append(judged.validation_gain)
        if self.epochs_since_best == 0:
            self.weights = network.weights()

    @property
    def curves(self) -> dict[str, list[float]]:
        """All curves there are, by name."""
        names = ("train_loss", "validation_loss", "validation_gain", "contrast_loss")
        return {name: values for name in names if (values := getattr(self, name))}

    def take(self, curves: dict[str, list[float]], weights: dict[str, np.ndarray]) -> None:
        """Go on from a checkpoint's curves and best weights; empty ones change nothing."""
        for name, values in curves.items():
            setattr(self, name, values)
        self.weights = weights

    @property
    def epochs_since_best(self) -> int:
        """0 where the last epoch is the best so far, or there was none."""
        losses = [-gain for gain in self.validation_gain] if self.best_by == "gain" else self.validation_loss
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
    Raises DataError if there is nothing to learn a sequence from, or a loss is not finite: no NaN leaves this function.
    """
    workers = Workers.join() if config.workers == "cluster" else None  # first: TensorFlow must not have begun
    journal = None if workers else journal
    deadline = ends() if ends else time.monotonic() + 60 * config.max_minutes
    past, found = _parted(histories, config, rng)
    popularity = popularity_of(past, n_items)
    start = START_NORM * start_embeddings(past, n_items, config.embedding_size, rng)
    network = Network(build_encoder(config, rng), start, popularity, config.temperature)
    trainer = _Trainer(network, past, popularity, config, workers)
    judged = _judged(network, found, config, workers)
    result = Trained(config.best_by, nothing_later=found is None and config.best_by != "last")
    if journal:
        result.take(*journal.resume(trainer.state, rng))
    if config.contrast_epochs and not result.contrast_loss:
        result.contrast_loss = pretrain(network, baskets_of(past), config, rng, deadline)
        if journal:
            journal.save(trainer.state, result.weights, result.curves, rng)
    for epoch in track(range(len(result.train_loss) + 1, config.epochs + 1), "training epochs"):
        if result.epochs_since_best >= config.patience:
            break
        train_loss, judgement = trainer.epoch(rng, deadline), judged()
        _check_finite(train_loss, judgement, epoch, config)
        result.add(train_loss, judgement, network)
        result.cut_short = trainer.late(deadline)
        if result.cut_short:
            break
        if journal:
            journal.save(trainer.state, result.weights, result.curves, rng)
    if journal:
        journal.close()
    if config.trend_days is not None:
        trend = trend_of(histories, n_items, days=config.trend_days, lines=config.trend_lines)
        result.weights["item_biases"] = result.weights["item_biases"] + trend
    return result


class _Trainer:
    """Takes the steps of an epoch; all workers alike, from the first one's start.

    state  all variables that a checkpoint has to hold, in an order that does not change
    """

    def __init__(
        self,
        network: Network,
        past: Histories,
        popularity: np.ndarray,
        config: SequenceConfig,
        workers: Workers | None,
    ):
        """past and popularity (n_items,): what is learnt from, and how often each item is in it."""
        self.past, self.popularity, self.config, self.workers = past, popularity, config, workers
        self.agreed = workers.any if workers else bool
        steps = math.ceil((np.diff(baskets_of(past).row_start) >= 2).sum() / config.batch_size) * config.epochs
        optimizer = _optimizer(network, config, steps)
        self.step = _train_step(network, optimizer, config, workers)
        if workers:
            workers.same_start(network.variables)
        self.state = [*network.variables, *network.encoder.non_trainable_variables, *optimizer.variables]

    def epoch(self, rng: np.random.Generator, deadline: float) -> float:
        """Mean loss of the batches there was time for, one at least."""
        batches = _batches(self.past, self.popularity, self.config, rng, self.workers)
        return epoch_of(self.step, batches, deadline, self.agreed)

    def late(self, deadline: float) -> bool:
        """Whether any worker is past the deadline."""
        return self.agreed(time.monotonic() > deadline)


def _parted(
    histories: Histories, config: SequenceConfig, rng: np.random.Generator
) -> tuple[Histories, KeptBack | None]:
    """What is learnt from, and what epochs are judged by: nothing with `best_by: last`, or where too little is left."""
    if config.best_by != "last":
        kept = kept_back(histories, config.validation, config.validation_share, rng, LEAST_BASKETS)
        found = KeptBack.of(histories, kept, config, rng.spawn(1)[0])
        if found and teaches(found.later.past):
            return found.later.past, found
    if not teaches(histories):
        raise DataError(
            f"sequence model: none of {len(histories)} histories has two baskets, so there is no order to learn; "
            "bring more history, or take a model that reads none."
        )
    return histories, None


def _judged(
    network: Network, found: KeptBack | None, config: SequenceConfig, workers: Workers | None
) -> Callable[[], Judgement | None]:
    """Judges an epoch, all workers alike; None where nothing is kept back."""
    if found is None:
        return lambda: None
    own = judge(network, found, config)
    if workers is None:
        return own
    return lambda: Judgement(**{name: workers.mean(value) for name, value in vars(own()).items()})


def _check_finite(train_loss: float, judged: Judgement | None, epoch: int, config: SequenceConfig) -> None:
    validation_loss = judged.validation_loss if judged else 0.0
    if not np.isfinite((train_loss, validation_loss)).all():
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
