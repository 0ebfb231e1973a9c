"""Training of Multi-VAE. Importing this file imports TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from components.core.dataset import Histories
from components.deep._catalogue_training import (
    Negatives,
    Step,
    named,
    vector_of,
)
from components.deep._early_stopping import epoch_of
from components.deep._sampled_softmax import sampled_softmax
from components.deep._start import popularity_of, start_embeddings

if TYPE_CHECKING:
    from components.deep.multi_vae import MultiVaeConfig

SIGNATURE = (
    vector_of(tf.int32),  # lines: the items of the batch's users
    vector_of(tf.int32),  # lines: the user of each, 0 … users − 1
    vector_of(tf.float32),  # users: items each holds
    vector_of(tf.int32),  # negatives
    vector_of(tf.float32),  # negatives: log of how often each is expected
    vector_of(tf.float32),  # lines: how the item counts among the negatives
    tf.TensorSpec([], tf.float32),  # weight of the divergence
    tf.TensorSpec([2], tf.int32),  # seed of the dropout and of the latent noise
)


class MultiVaeNetwork:
    """The graph: sums of input embeddings, the encoder's mean and spread, the decoder, tied to no input."""

    def __init__(self, config: MultiVaeConfig, start: np.ndarray, popularity: np.ndarray, rng: np.random.Generator):
        """start float32 (n_items, hidden_size), vectors of items that go together."""
        size, latent = config.hidden_size, config.embedding_size
        seeds = iter(rng.integers(2**31, size=3).tolist())

        def layer(units: int, name: str, activation: str | None = None) -> keras.layers.Layer:
            initializer = keras.initializers.GlorotUniform(next(seeds))
            return keras.layers.Dense(units, activation, kernel_initializer=initializer, name=name)

        hidden = keras.Input((size,))
        self.encoder = keras.Model(hidden, [layer(latent, "mean")(hidden), layer(latent, "log_variance")(hidden)])
        code = keras.Input((latent,))
        self.decoder = keras.Model(code, layer(size, "hidden", "tanh")(code))
        self.inputs = keras.Variable(start, name="input_embeddings")
        self.input_bias = keras.Variable(np.zeros(size, np.float32), name="input_bias")
        self.items = keras.Variable(start / np.sqrt(np.float32(size)), name="item_embeddings")
        self.biases = keras.Variable(np.log(popularity), name="item_biases")
        own = [self.inputs, self.input_bias, self.items, self.biases]
        self.variables = own + self.encoder.trainable_variables + self.decoder.trainable_variables

    def code(self, items: tf.Tensor, users: tf.Tensor, held: tf.Tensor, kept: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and log variance (users, latent) of the sets of items; kept float (lines,), 0 drops a line."""
        lines = tf.gather(self.inputs.value, items) * kept[:, None]
        summed = tf.math.unsorted_segment_sum(lines, users, tf.size(held))
        hidden = tf.tanh(summed / tf.sqrt(tf.maximum(held, 1.0))[:, None] + self.input_bias.value)
        return self.encoder(hidden)

    def logits(self, code: tf.Tensor, items: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(users, len(items)) logits and the decoder's (users, hidden)."""
        hidden = self.decoder(code)
        vectors, biases = tf.gather(self.items.value, items), tf.gather(self.biases.value, items)
        return tf.matmul(hidden, vectors, transpose_b=True) + biases, hidden

    def weights(self) -> dict[str, np.ndarray]:
        """All that scoring needs; the spread of the latent variable is for training only."""
        own = {v.name: v.numpy() for v in (self.inputs, self.input_bias, self.items, self.biases)}
        layers = named(self.encoder) | named(self.decoder)
        return own | {name: value for name, value in layers.items() if not name.startswith("log_variance")}


class MultiVaeTrainer:
    """Batches of users, their items in and out."""

    def __init__(self, histories: Histories, n_items: int, config: MultiVaeConfig, rng: np.random.Generator):
        """Start of the network, and everything a step needs."""
        self.held, self.config, self.rng = histories.matrix(n_items, binary=True), config, rng
        popularity = popularity_of(histories, n_items)
        start = start_embeddings(histories, n_items, config.hidden_size, rng)
        self.network = MultiVaeNetwork(config, start, popularity, rng)
        self.negatives = Negatives(popularity, 0 if n_items <= config.full_softmax_items else config.negatives, rng)
        self.users = np.flatnonzero(np.diff(self.held.indptr))
        per_epoch = -(-len(self.users) // config.batch_size)
        self.annealed = max(1.0, config.annealing * config.epochs * per_epoch)
        variables = self.network.variables
        self.step = Step(self._loss, variables, config, per_epoch, SIGNATURE)

    @property
    def state(self) -> list[keras.Variable]:
        """The network's and the optimizer's variables."""
        return self.step.variables

    def epoch(self, deadline: float) -> float:
        """Mean loss per bought item; the divergence counts as it is weighted."""
        return epoch_of(self.step, self._batches(), deadline)

    def weights(self) -> dict[str, np.ndarray]:
        """The network's."""
        return self.network.weights()

    def _batches(self) -> Iterator[tuple]:
        order = self.rng.permutation(self.users)
        for start in range(0, len(order), self.config.batch_size):
            rows = self.held[order[start : start + self.config.batch_size]]
            held = np.diff(rows.indptr)
            users = np.repeat(np.arange(len(held), dtype=np.int32), held)
            divergence = self.config.divergence * min(1.0, self.step.done / self.annealed)
            seed = self.rng.integers(2**31, size=2).astype(np.int32)
            yield (
                rows.indices.astype(np.int32),
                users,
                held.astype(np.float32),
                *self.negatives.draw(rows.indices),
                divergence,
                seed,
            )

    def _loss(self, items, users, held, drawn, log_expected, own, divergence, seed) -> tf.Tensor:
        keep = 1 - self.config.dropout
        kept = tf.cast(tf.random.stateless_uniform(tf.shape(items), seed) < keep, tf.float32) / keep
        mean, log_variance = self.network.code(items, users, held, kept)
        noise = tf.random.stateless_normal(tf.shape(mean), seed + 1)
        logits, hidden = self.network.logits(mean + noise * tf.exp(log_variance / 2), drawn)
        vectors = tf.gather(self.network.items.value, items)
        targets = tf.reduce_sum(tf.gather(hidden, users) * vectors, axis=1) + tf.gather(
            self.network.biases.value, items
        )
        unlikely = tf.reduce_sum(sampled_softmax(targets, users, logits, log_expected, own))
        spread = -0.5 * tf.reduce_sum(1 + log_variance - tf.square(mean) - tf.exp(log_variance))
        return (unlikely + divergence * spread) / tf.reduce_sum(held)
