"""Contrastive pre-training: two changed views of one history are to have the most alike states of a batch.

A view is the history cropped, with baskets left out, or with baskets in another order. Needs no targets, so that also
what is never foretold shapes the states. Importing this file imports TensorFlow.
Source: Xie et al. 2022, arXiv:2010.14395 (CL4SRec), here as a stage before the training; NT-Xent of Chen et al. 2020.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from components.core.baskets import Baskets
from components.core.errors import DataError
from components.core.progress import track
from components.deep._config import SequenceConfig
from components.deep._network import WINDOWS, Network, Tensors, tensors
from components.deep._sequences import Windows, batches_of_like_length, filled, ranges
from components.deep._shrinkage import GRADIENT_NORM

CROP, MASK, REORDER = range(3)
KEPT, LEFT_OUT, REORDERED = 0.6, 0.3, 0.6  # shares of a history's baskets
SELF = -1e9  # as the likeness of a state with itself


def pretrain(
    network: Network, baskets: Baskets, config: SequenceConfig, rng: np.random.Generator, deadline: float
) -> list[float]:
    """Fit the network's embeddings and encoder to tell users' views apart; returns the mean loss per epoch.

    Raises DataError if there are no two users to be told apart, or a loss is not finite.
    """
    step, losses = _step(network, config), []
    for epoch in track(range(1, config.contrast_epochs + 1), "contrast epochs"):
        found = []
        for one, two in _pairs(baskets, config, rng):
            found.append(float(step(tensors(one), tensors(two))))
            if time.monotonic() > deadline:
                break
        if not found:
            raise DataError(
                f"sequence model: contrast_epochs: {config.contrast_epochs} tells users apart, and no two have two "
                "baskets; bring more history, or set contrast_epochs: 0."
            )
        losses.append(float(np.mean(found)))
        if not np.isfinite(losses[-1]):
            raise DataError(
                f"sequence model: in epoch {epoch} of the contrast the loss is {losses[-1]:g}; lower learning_rate "
                f"({config.learning_rate:g}) or set contrast_epochs: 0."
            )
        if time.monotonic() > deadline:
            break
    return losses


def view(
    baskets: Baskets, rows: np.ndarray, ends: np.ndarray, length: int, kinds: np.ndarray, rng: np.random.Generator
) -> Windows:
    """The windows before basket `ends` (w,) of user `rows` (w,), each changed by its kind (w,): CROP, MASK, REORDER.

    CROP     a run of baskets, KEPT of them; at the right end
    MASK     about LEFT_OUT of them are padding where they were, never the last
    REORDER  a run of baskets, REORDERED of them, in random order
    """
    begins = np.maximum(baskets.row_start[rows], ends - length)
    counts = ends - begins
    window, place = np.repeat(np.arange(len(ends)), counts), ranges(np.zeros_like(counts), counts)
    share = np.where(kinds == CROP, KEPT, REORDERED)
    run = np.maximum(1, np.ceil(share * counts)).astype(np.int64)
    start = (rng.random(len(ends)) * (counts - run + 1)).astype(np.int64)
    inside = (place >= start[window]) & (place < (start + run)[window])
    chance = rng.random(len(place))
    shuffled = inside & (kinds == REORDER)[window]
    order = np.lexsort((np.where(shuffled, chance, 0), np.where(shuffled, start[window], place), window))
    basket = ranges(begins, counts)[order]
    kept = np.where((kinds == CROP)[window], inside, True)
    kept &= ~((kinds == MASK)[window] & (chance < LEFT_OUT) & (place < counts[window] - 1))
    shift = np.where(kinds == CROP, counts - start - run, 0)
    slot = (window + 1) * length - counts[window] + place + shift[window]
    return filled(baskets, basket[kept], slot[kept], (len(ends), length))


def likeness_loss(states: tf.Tensor, temperature: float) -> tf.Tensor:
    """NT-Xent of states (2 w, size), views of one window w rows apart: mean −log softmax of the other's cosine."""
    directions = tf.math.l2_normalize(states, axis=-1)
    n = tf.shape(states)[0]
    alike = tf.matmul(directions, directions, transpose_b=True) / temperature
    alike += SELF * tf.eye(n)
    other = tf.math.floormod(tf.range(n) + n // 2, n)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(other, alike))


def _pairs(baskets: Baskets, config: SequenceConfig, rng: np.random.Generator) -> Iterator[tuple[Windows, Windows]]:
    """One epoch: two views of a window of every user with two baskets or more; two kinds that differ."""
    held = np.diff(baskets.row_start)
    for part in batches_of_like_length(held, config, rng):
        if len(part) < 2:
            continue  # nobody to be told apart from
        shortest = np.minimum(held[part], config.max_length)
        ends = baskets.row_start[part] + rng.integers(shortest, held[part] + 1)
        first = rng.integers(3, size=len(part))
        kinds = first, (first + rng.integers(1, 3, size=len(part))) % 3
        one, two = (view(baskets, part, ends, int(shortest.max()), kind, rng) for kind in kinds)
        yield one, two


def _step(network: Network, config: SequenceConfig) -> Callable:
    variables = [network.embeddings, *network.encoder.trainable_variables]
    optimizer = keras.optimizers.Adam(config.learning_rate, global_clipnorm=GRADIENT_NORM)
    optimizer.build(variables)

    def last(windows: Tensors) -> tf.Tensor:
        shape = tf.shape(windows[2])
        return tf.reshape(network.states(windows, training=True), (shape[0], shape[1], -1))[:, -1]

    @tf.function(input_signature=(WINDOWS, WINDOWS))
    def step(one: Tensors, two: Tensors) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = likeness_loss(tf.concat([last(one), last(two)], axis=0), config.contrast_temperature)
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)
        return loss

    return step
