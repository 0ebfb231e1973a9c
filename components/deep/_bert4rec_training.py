"""Training of BERT4Rec. Importing this file imports TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from components.core.baskets import baskets_of
from components.core.dataset import Histories
from components.deep._catalogue_training import (
    Negatives,
    Step,
    named,
    vector_of,
)
from components.deep._contrast import likeness_loss
from components.deep._early_stopping import epoch_of
from components.deep._numpy_layers import LAYER_NORM_EPSILON
from components.deep._sampled_softmax import sampled_softmax
from components.deep._sequences import LENGTH_MIX, Windows, windows_of
from components.deep._start import START_NORM, popularity_of, start_embeddings

if TYPE_CHECKING:
    from components.deep.bert4rec import Bert4RecConfig

VIEW = (
    vector_of(tf.int32),  # lines that are seen
    vector_of(tf.int32),  # lines: flat slot
    vector_of(tf.float32, 2),  # (w, slots): lines seen in the slot
    vector_of(tf.float32, 2),  # (w, slots): 1 where the slot is masked
)
SIGNATURE = (
    *VIEW,
    *VIEW,  # the same windows, masked otherwise
    vector_of(tf.int32),  # flat slots to be filled in
    vector_of(tf.int32),  # targets: which of those
    vector_of(tf.int32),  # targets: item
    vector_of(tf.int32),  # negatives
    vector_of(tf.float32),  # negatives: log of how often each is expected
    vector_of(tf.float32),  # targets: how each counts among the negatives
)
CONTRAST_TEMPERATURE = 0.2
SMALL = 0.02


class Bert4RecNetwork:
    """Item embeddings, the vector of a masked slot, and the encoder."""

    def __init__(self, config: Bert4RecConfig, start: np.ndarray, popularity: np.ndarray, rng: np.random.Generator):
        """start float32 (n_items, d)."""
        self.config = config
        self.embeddings = keras.Variable(start, name="item_embeddings")
        self.biases = keras.Variable(np.log(popularity), name="item_biases")
        self.mask = keras.Variable(rng.normal(scale=SMALL, size=start.shape[1]).astype(np.float32), name="mask_vector")
        self.encoder = _encoder(config, rng)
        self.own = [self.embeddings, self.biases, self.mask]
        self.variables = self.own + self.encoder.trainable_variables

    def states(self, view: tuple[tf.Tensor, ...], *, training: bool) -> tf.Tensor:
        """(w, slots, d)."""
        items, slots, sizes, masked = view
        summed = tf.math.unsorted_segment_sum(tf.gather(self.embeddings.value, items), slots, tf.size(sizes))
        vectors = summed / tf.sqrt(tf.maximum(tf.reshape(sizes, (-1, 1)), 1.0))
        vectors = tf.reshape(vectors, (*tf.unstack(tf.shape(sizes)), self.embeddings.shape[1]))
        vectors += masked[..., None] * self.mask.value
        return self.encoder([vectors, sizes + masked > 0], training=training)

    def products(self, states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """States over the temperature and items, as directions."""
        directions = tf.math.l2_normalize(states, axis=-1) / self.config.temperature
        return directions, tf.math.l2_normalize(self.embeddings.value, axis=-1)

    def weights(self) -> dict[str, np.ndarray]:
        """All of it, by name."""
        return {variable.name: variable.numpy() for variable in self.own} | named(self.encoder)


def _encoder(config: Bert4RecConfig, rng: np.random.Generator) -> keras.Model:
    """Positions counted from the end, then the blocks, then a layer norm."""
    size, length = config.embedding_size, config.max_length

    def seed() -> int:
        return int(rng.integers(2**31))

    def layer(units: int, name: str, activation: str | None = None) -> Any:
        return keras.layers.Dense(
            units, activation, kernel_initializer=keras.initializers.GlorotUniform(seed()), name=name
        )

    def dropped(x: Any) -> Any:
        return keras.layers.Dropout(config.dropout, seed=seed())(x)

    def normed(x: Any, name: str) -> Any:
        return keras.layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name=name)(x)

    vectors, known = keras.Input((None, size)), keras.Input((None,), dtype="bool")
    near = keras.initializers.RandomNormal(stddev=SMALL, seed=seed())
    positions = keras.layers.Embedding(length, size, embeddings_initializer=near, name="positions")
    places = length - keras.ops.flip(keras.ops.cumsum(keras.ops.ones_like(known, dtype="int32"), axis=1), axis=1)
    x = dropped(vectors * math.sqrt(size) + positions(places))
    for block in range(config.blocks):
        queries = normed(x, f"attention_norm_{block}")
        mixed = keras.layers.MultiHeadAttention(
            config.heads,
            size // config.heads,
            kernel_initializer=keras.initializers.GlorotUniform(seed()),
            seed=seed(),
            name=f"attention_{block}",
        )(queries, queries, attention_mask=keras.ops.expand_dims(known, 1))
        x = x + dropped(mixed)
        hidden = layer(size, f"hidden_{block}", "gelu")(normed(x, f"dense_norm_{block}"))
        x = x + dropped(layer(size, f"dense_{block}")(hidden))
    return keras.Model([vectors, known], normed(x, "last_norm"))


class Bert4RecTrainer:
    """Windows with masked slots, to be filled in among sampled items."""

    def __init__(self, histories: Histories, n_items: int, config: Bert4RecConfig, rng: np.random.Generator):
        """Start of the network, and everything a step needs."""
        self.baskets, self.config, self.rng = baskets_of(histories), config, rng
        self.held = np.diff(self.baskets.row_start)
        popularity = popularity_of(histories, n_items)
        start = START_NORM * start_embeddings(histories, n_items, config.embedding_size, rng)
        self.network = Bert4RecNetwork(config, start, popularity, rng)
        self.negatives = Negatives(popularity, config.negatives, rng)
        steps = -(-int((self.held >= 2).sum()) // config.batch_size)
        variables = self.network.variables
        self.step = Step(self._loss, variables, config, steps, SIGNATURE, self.network.encoder.non_trainable_variables)

    @property
    def state(self) -> list[keras.Variable]:
        """The network's and the optimizer's variables."""
        return self.step.variables

    def epoch(self, deadline: float) -> float:
        """Mean loss per masked line."""
        return epoch_of(self.step, self._batches(), deadline)

    def weights(self) -> dict[str, np.ndarray]:
        """The network's."""
        return self.network.weights()

    def _batches(self) -> Iterator[tuple]:
        """A window of every user with two baskets or more, ending anywhere; users of about one length together."""
        rows = np.flatnonzero(self.held >= 2)
        lengths = np.minimum(self.held[rows], self.config.max_length)
        rows = rows[np.argsort(lengths + LENGTH_MIX * self.rng.random(len(rows)))]
        for start in self.rng.permutation(np.arange(0, len(rows), self.config.batch_size)):
            part = rows[start : start + self.config.batch_size]
            shortest = np.minimum(self.held[part], self.config.max_length)
            ends = self.baskets.row_start[part] + self.rng.integers(shortest, self.held[part] + 1)
            windows = windows_of(self.baskets, part, ends, int(shortest.max()))
            yield self._tensors(windows, self._masked(windows), self._masked(windows))

    def _masked(self, windows: Windows) -> np.ndarray:
        """bool (w, slots), one slot of every window at least."""
        masked = self.rng.random(windows.sizes.shape) < self.config.mask_share
        masked[:, -1] = self.rng.random(len(masked)) < self.config.last_share
        masked &= windows.sizes > 0
        masked[:, -1] |= ~masked.any(axis=1)
        return masked

    def _tensors(self, windows: Windows, masked: np.ndarray, otherwise: np.ndarray) -> tuple:
        slots = np.flatnonzero(masked)
        hidden = masked.ravel()[windows.slots]
        query = np.searchsorted(slots, windows.slots[hidden])
        targets = slots.astype(np.int32), query.astype(np.int32), windows.items[hidden]
        return *_view(windows, masked), *_view(windows, otherwise), *targets, *self.negatives.draw(targets[2])

    def _loss(self, *batch: tf.Tensor) -> tf.Tensor:
        view, other, (slots, query, bought, drawn, *expected) = batch[:4], batch[4:8], batch[8:]
        states = self.network.states(view, training=True)
        flat = tf.reshape(states, (-1, states.shape[-1]))
        queries, items = self.network.products(tf.gather(flat, slots))
        biases = self.network.biases.value
        logits = tf.matmul(queries, tf.gather(items, drawn), transpose_b=True) + tf.gather(biases, drawn)
        targets = tf.reduce_sum(tf.gather(queries, query) * tf.gather(items, bought), axis=1)
        loss = tf.reduce_mean(sampled_softmax(targets + tf.gather(biases, bought), query, logits, *expected))
        if not self.config.contrast:
            return loss
        again = self.network.states(other, training=True)
        views = tf.concat([_whole(states, view), _whole(again, other)], axis=0)
        return loss + self.config.contrast * likeness_loss(views, CONTRAST_TEMPERATURE)


def _whole(states: tf.Tensor, view: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """(w, d): the sum of a window's states, padding left out; only its direction is asked for."""
    return tf.reduce_sum(states * tf.cast(view[2] + view[3] > 0, tf.float32)[..., None], axis=1)


def _view(windows: Windows, masked: np.ndarray) -> tuple[np.ndarray, ...]:
    seen = ~masked.ravel()[windows.slots]
    sizes = np.where(masked, 0, windows.sizes).astype(np.float32)
    return windows.items[seen], windows.slots[seen], sizes, masked.astype(np.float32)
