"""Training of NeuMF, FM and DeepFM. Importing this file imports TensorFlow."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from components.core.dataset import Dataset
from components.deep._catalogue_training import (
    Negatives,
    Step,
    sparse_of,
    vector_of,
)
from components.deep._early_stopping import epoch_of
from components.deep._pair_model import HOURS, WEEK_DAYS, Form, PairConfig, moments
from components.deep._pools import ExampleMaker, Examples
from components.deep._sampled_softmax import sampled_softmax
from components.deep._start import popularity_of, start_embeddings

INT, FLOAT = tf.int32, tf.float32
SIGNATURE = (
    vector_of(INT),  # lines: items of the pasts
    vector_of(INT),  # lines: example of each
    vector_of(FLOAT),  # lines: weight of each
    vector_of(INT, 2),  # examples: hour and weekday
    vector_of(INT),  # pairs: example
    vector_of(INT),  # pairs: item bought
    vector_of(FLOAT),  # pairs: weight
    vector_of(INT),  # negatives
    vector_of(FLOAT),  # negatives: log of how often each is expected
    vector_of(FLOAT),  # pairs: how the item bought counts among the negatives
)
START_SCALE = 0.5  # of the vectors against singular vectors of mean square norm 1: first logits near the popularity


class Side(NamedTuple):
    """Users or items as the two halves of a pair: vectors (n, d), biases (n,), first layer (n, h) or None."""

    vectors: tf.Tensor
    biases: tf.Tensor
    first: tf.Tensor | None

    def at(self, rows: tf.Tensor) -> Side:
        """Some of them."""
        return Side(*(None if part is None else tf.gather(part, rows) for part in self))


class PairNetwork:
    """Fields of the user (history, moment) against fields of the item (itself, its attributes)."""

    def __init__(
        self,
        form: Form,
        config: PairConfig,
        start: np.ndarray,
        popularity: np.ndarray,
        attributes: sp.csr_matrix,
        rng: np.random.Generator,
    ):
        """start float32 (n_items, d); attributes CSR (n_items, values), without columns where nothing is known."""
        self.form, self.attributes = form, attributes
        n, size = start.shape
        self.variables: dict[str, keras.Variable] = {}
        self.add("history_embeddings", START_SCALE * start)
        self.add("history_biases", np.zeros(n))
        self.add("item_embeddings", START_SCALE * start)
        self.add("item_biases", np.log(popularity))
        for name, values in (("hour", HOURS), ("weekday", WEEK_DAYS)):
            if name in config.context:
                self.add(name, np.zeros((values, size)))
        if attributes.shape[1]:
            self.add("attribute_embeddings", rng.normal(scale=0.05, size=(attributes.shape[1], size)))
            self.add("attribute_biases", np.zeros(attributes.shape[1]))
            self.sparse = sparse_of(attributes)
        if form.weighed:
            self.add("product_weights", np.ones(size))
        if form.hidden:
            self._add_network(start, rng)

    def add(self, name: str, value: np.ndarray) -> None:
        """One more variable, trained like the others."""
        self.variables[name] = keras.Variable(value.astype(np.float32), name=name)

    def _add_network(self, start: np.ndarray, rng: np.random.Generator) -> None:
        size, (first, second) = start.shape[1], self.form.hidden
        if not self.form.shared:
            self.add("deep_history", START_SCALE * start)
            self.add("deep_items", START_SCALE * start)
        seeds = rng.integers(2**31, size=3).tolist()
        for name, seed, shape in zip(
            ("user_first", "item_first", "second.kernel"),
            seeds,
            ((size, first), (size, first), (first, second)),
            strict=True,
        ):
            self.add(name, np.asarray(keras.initializers.GlorotUniform(seed)(shape)))
        self.add("first_bias", np.zeros(first))
        self.add("second.bias", np.zeros(second))
        self.add("last.kernel", np.asarray(keras.initializers.GlorotUniform(seeds[0])((second, 1))))

    def _value(self, name: str) -> tf.Tensor:
        return self.variables[name].value

    def users(self, items: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor, moment: tf.Tensor) -> Side:
        """The examples' side."""
        n = tf.shape(moment)[0]

        def pooled(name: str) -> tf.Tensor:
            return tf.math.unsorted_segment_sum(tf.gather(self._value(name), items) * weights[:, None], rows, n)

        vectors = pooled("history_embeddings")
        for column, name in enumerate(("hour", "weekday")):
            if name in self.variables:
                vectors += tf.gather(self._value(name), moment[:, column])
        biases = tf.math.unsorted_segment_sum(tf.gather(self._value("history_biases"), items) * weights, rows, n)
        first = None
        if self.form.hidden:
            own = vectors if self.form.shared else pooled("deep_history")
            first = tf.matmul(own, self._value("user_first"))
        if self.form.weighed:
            vectors *= self._value("product_weights")
        return Side(vectors, biases, first)

    def items(self) -> Side:
        """The whole catalogue's side; the second-order terms among an item's own fields are in its bias."""
        vectors, biases = self._value("item_embeddings"), self._value("item_biases")
        if "attribute_embeddings" in self.variables:
            own, embeddings = vectors, self._value("attribute_embeddings")
            squares = tf.square(own) + tf.sparse.sparse_dense_matmul(self.sparse, tf.square(embeddings))
            vectors = own + tf.sparse.sparse_dense_matmul(self.sparse, embeddings)
            first_order = tf.sparse.sparse_dense_matmul(self.sparse, self._value("attribute_biases")[:, None])[:, 0]
            biases = biases + first_order + 0.5 * tf.reduce_sum(tf.square(vectors) - squares, axis=1)
        first = None
        if self.form.hidden:
            read = vectors if self.form.shared else self._value("deep_items")
            first = tf.matmul(read, self._value("item_first")) + self._value("first_bias")
        return Side(vectors, biases, first)

    def pair_logits(self, users: Side, items: Side) -> tf.Tensor:
        """(pairs,): row by row."""
        logits = tf.reduce_sum(users.vectors * items.vectors, axis=1) + users.biases + items.biases
        return logits if users.first is None else logits + self._deep(users.first + items.first)

    def cross_logits(self, users: Side, items: Side) -> tf.Tensor:
        """(users, items): every user against every item."""
        logits = tf.matmul(users.vectors, items.vectors, transpose_b=True) + users.biases[:, None] + items.biases
        return logits if users.first is None else logits + self._deep(users.first[:, None] + items.first)

    def _deep(self, first: tf.Tensor) -> tf.Tensor:
        hidden = tf.nn.relu(first)
        hidden = tf.nn.relu(tf.matmul(hidden, self._value("second.kernel")) + self._value("second.bias"))
        return tf.matmul(hidden, self._value("last.kernel"))[..., 0]

    def weights(self) -> dict[str, np.ndarray]:
        """What scoring needs: item_vectors (n_items, d), item_biases, item_first (n_items, h) with all their fields.

        The product's weights are in the item's vectors; a shared network gets its user's vectors before them.
        """
        side = self.items()
        vectors = side.vectors.numpy()
        kept = ("history_embeddings", "history_biases", "hour", "weekday", "deep_history")
        kept += ("user_first", "second.kernel", "second.bias", "last.kernel")
        w = {name: self.variables[name].numpy() for name in kept if name in self.variables}
        w |= {"item_vectors": vectors, "item_biases": side.biases.numpy()}
        if self.form.weighed:
            w["item_vectors"] = vectors * self.variables["product_weights"].numpy()
        return w if side.first is None else w | {"item_first": side.first.numpy()}


class PairTrainer:
    """Batches of pasts with what was bought next, against sampled items.

    Binary cross-entropy tells bought from sampled items: their odds are p(item | past) against how often it is sampled.
    The logit is corrected by that, so that it learns log p (noise-contrastive estimation, Gutmann & Hyvärinen 2010).
    """

    def __init__(self, data: Dataset, form: Form, config: PairConfig, rng: np.random.Generator):
        """Start of the network, and everything a step needs."""
        histories, n_items = data.histories, len(data.items)
        self.config, self.rng = config, rng
        repeats = config.repeat_weight if config.objective == "softmax" else 1  # probabilities count all alike
        self.maker = ExampleMaker(histories, (config.basket_decay,), config.max_length, repeats)
        popularity = popularity_of(histories, n_items)
        start = start_embeddings(histories, n_items, config.embedding_size, rng)
        self.network = PairNetwork(form, config, start, popularity, attributes_of(data, form), rng)
        self.negatives = Negatives(popularity, config.negatives, rng)
        self.log_expected = tf.constant(self.negatives.log_expected)
        variables = list(self.network.variables.values())
        steps = -(-self.maker.per_epoch(config.examples) // config.batch_size)
        self.step = Step(self._loss, variables, config, steps, SIGNATURE)

    @property
    def state(self) -> list[keras.Variable]:
        """The network's and the optimizer's variables."""
        return self.step.variables

    def epoch(self, deadline: float) -> float:
        """Mean loss per target."""
        batches = self.maker.epoch(self.config.batch_size, self.config.examples, self.rng)
        return epoch_of(self.step, map(self._tensors, batches), deadline)

    def weights(self) -> dict[str, np.ndarray]:
        """The network's."""
        return self.network.weights()

    def _tensors(self, batch: Examples) -> tuple:
        pools, keep = batch.pools, 1 - self.config.dropout
        kept = (self.rng.random(len(pools.items)) < keep).astype(np.float32) / keep
        moment = np.stack(list(moments(batch.times).values()), axis=1).astype(np.int32)
        lines = pools.items, pools.rows, pools.weights[:, 0] * kept
        return *lines, moment, batch.query, batch.items, batch.weights, *self.negatives.draw(batch.items)

    def _loss(self, *batch: tf.Tensor) -> tf.Tensor:
        *past, query, bought, target_weights, drawn, log_expected, own = batch
        users, items = self.network.users(*past), self.network.items()
        targets = self.network.pair_logits(users.at(query), items.at(bought))
        others = self.network.cross_logits(users, items.at(drawn))
        if self.config.objective == "softmax":
            losses, unbought = sampled_softmax(targets, query, others, log_expected, own), 0.0
        else:
            losses = tf.math.softplus(tf.gather(self.log_expected, bought) - targets)
            unbought = tf.reduce_sum(tf.math.softplus(others - log_expected))
        return (tf.reduce_sum(losses * target_weights) + unbought) / tf.reduce_sum(target_weights)


def attributes_of(data: Dataset, form: Form) -> sp.csr_matrix:
    """CSR (n_items, values): what is known of the items; no columns where nothing is, or the form reads none."""
    if data.content is None or not form.shared:
        return sp.csr_matrix((len(data.items), 0), dtype=np.float32)
    return data.content.features()
