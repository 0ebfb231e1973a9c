"""How well a sequence network foretells what was kept back. Importing this file imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from components.core.baskets import baskets_of
from components.core.dataset import Histories
from components.deep._config import SequenceConfig
from components.deep._later import Later, asked_of, mean_gain
from components.deep._model import SCORED_AT_ONCE
from components.deep._network import TARGETS, WINDOWS, Network, Tensors, pairs, tensors
from components.deep._sequence_losses import full_losses
from components.deep._sequences import Targets, Windows, last_windows, targets_after


@dataclass(frozen=True)
class KeptBack:
    """What an epoch is judged by.

    blocks  windows that end before it, and all that was bought in it
    later   what is ranked of it: the items that are new to a user, of some users
    """

    blocks: list[tuple[Windows, Targets]]
    later: Later

    @classmethod
    def of(
        cls, histories: Histories, kept: np.ndarray, config: SequenceConfig, rng: np.random.Generator
    ) -> KeptBack | None:
        """kept: bool (events,). None where nobody has anything before what is kept back."""
        blocks = list(targets_after(baskets_of(histories), kept, config, SCORED_AT_ONCE))
        return cls(blocks, asked_of(histories, kept, rng)) if blocks else None


@dataclass(frozen=True)
class Judgement:
    """validation_loss, nats of the full softmax, and validation_gain, as `mean_gain` has it, of one epoch's weights.

    Losses of two trainings can be compared only where repeat_weight and temperature are the same; gains always.
    """

    validation_loss: float
    validation_gain: float


def judge(network: Network, found: KeptBack, config: SequenceConfig) -> Callable[[], Judgement]:
    """What judges the weights of the moment."""
    loss, logits = _full_loss(network), _last_logits(network)

    def scores(histories: Histories) -> np.ndarray:
        return logits(tensors(last_windows(histories, config.max_length))).numpy()

    return lambda: Judgement(_mean_loss(loss, found.blocks), mean_gain(scores, found.later))


def _full_loss(network: Network) -> Callable:
    """Weighted sum of the full softmax' losses over the pairs, and the sum of the weights."""

    @tf.function(input_signature=(WINDOWS, TARGETS))
    def loss(windows: Tensors, targets: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        slots, _, _, weights = targets
        queries = network.queries(tf.gather(network.states(windows, training=False), slots))
        return tf.reduce_sum(full_losses(network, queries, targets) * weights), tf.reduce_sum(weights)

    return loss


def _last_logits(network: Network) -> Callable:
    """float32 (w, n_items) after the last slot of every window."""

    @tf.function(input_signature=(WINDOWS,))
    def logits(windows: Tensors) -> tf.Tensor:
        length = tf.shape(windows[2])[1]
        return network.all_logits(network.queries(network.states(windows, training=False)[length - 1 :: length]))

    return logits


def _mean_loss(loss: Callable, blocks: list[tuple[Windows, Targets]]) -> float:
    sums = np.array([[float(x) for x in loss(tensors(w), pairs(t))] for w, t in blocks])
    return float(sums[:, 0].sum() / sums[:, 1].sum())
