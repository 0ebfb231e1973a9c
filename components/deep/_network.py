"""The graph that is trained: tied item embeddings around an encoder. Importing this file imports TensorFlow."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from components.deep._sequences import Targets, Windows


def _of(dtype: tf.DType, rank: int) -> tf.TensorSpec:
    return tf.TensorSpec([None] * rank, dtype)


# Every dimension open: a step is traced once, whatever the number of lines in its baskets.
WINDOWS = (_of(tf.int32, 1), _of(tf.int32, 1), _of(tf.float32, 2))
TARGETS = (_of(tf.int32, 1), _of(tf.int32, 1), _of(tf.int32, 1), _of(tf.float32, 1))
NEGATIVES = (_of(tf.int32, 1), _of(tf.float32, 1), _of(tf.float32, 1))

Tensors = tuple[tf.Tensor, ...]


class Network:
    """Item embeddings, item biases and an encoder of basket sequences: logit = state · embedding + bias.

    With a temperature the product is the cosine over it, in place of state · embedding.
    """

    def __init__(
        self, encoder: keras.Model, embeddings: np.ndarray, popularity: np.ndarray, temperature: float | None = None
    ):
        """encoder maps (w, length, size) and mask (w, length) to states (w, length, size)."""
        self.encoder = encoder
        self.temperature = temperature
        self.embeddings = keras.Variable(embeddings, name="item_embeddings")
        self.biases = keras.Variable(np.log(popularity), name="item_biases")
        self.variables = [self.embeddings, self.biases, *encoder.trainable_variables]

    def states(self, windows: Tensors, *, training: bool) -> tf.Tensor:
        """(w * length, size): what is known after each flat slot."""
        items, slots, sizes = windows
        size = self.embeddings.shape[1]
        summed = tf.math.unsorted_segment_sum(tf.gather(self.embeddings.value, items), slots, tf.size(sizes))
        vectors = summed / tf.sqrt(tf.maximum(tf.reshape(sizes, (-1, 1)), 1.0))
        inputs = tf.reshape(vectors, (*tf.unstack(tf.shape(sizes)), size))
        return tf.reshape(self.encoder([inputs, sizes > 0], training=training), (-1, size))

    def queries(self, states: tf.Tensor) -> tf.Tensor:
        """(queries, size): states as the logits' products take them."""
        return states if self.temperature is None else tf.math.l2_normalize(states, axis=-1) / self.temperature

    def logits(self, queries: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """(queries, len(items)): every query against the same items."""
        return tf.matmul(queries, self._vectors(items), transpose_b=True) + tf.gather(self.biases.value, items)

    def all_logits(self, queries: tf.Tensor) -> tf.Tensor:
        """(queries, n_items)."""
        return tf.matmul(queries, self._directed(self.embeddings.value), transpose_b=True) + self.biases.value

    def pair_logits(self, queries: tf.Tensor, query: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """(pairs,): queries[query[p]] against item items[p]."""
        products = tf.reduce_sum(tf.gather(queries, query) * self._vectors(items), axis=1)
        return products + tf.gather(self.biases.value, items)

    def _vectors(self, items: tf.Tensor) -> tf.Tensor:
        return self._directed(tf.gather(self.embeddings.value, items))

    def _directed(self, vectors: tf.Tensor) -> tf.Tensor:
        return vectors if self.temperature is None else tf.math.l2_normalize(vectors, axis=-1)

    def weights(self) -> dict[str, np.ndarray]:
        """All weights as numpy arrays; the encoder's by Keras' path, a dot for each slash."""
        named = {v.path.replace("/", "."): v.numpy() for v in self.encoder.trainable_variables}
        return named | {"item_embeddings": self.embeddings.numpy(), "item_biases": self.biases.numpy()}


def tensors(windows: Windows) -> Tensors:
    """Windows as the tensors `states` takes."""
    return tuple(tf.constant(x) for x in (windows.items, windows.slots, windows.sizes))


def pairs(targets: Targets) -> Tensors:
    """Targets as the tensors the losses take."""
    return tuple(tf.constant(x) for x in (targets.slots, targets.query, targets.items, targets.weights))
