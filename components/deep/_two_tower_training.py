"""Training of the two towers. Importing this file imports TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from components.core.content import ItemContent
from components.core.dataset import Dataset
from components.deep._catalogue_training import (
    Negatives,
    Step,
    named,
    vector_of,
)
from components.deep._early_stopping import epoch_of
from components.deep._pools import ExampleMaker, Examples
from components.deep._sampled_softmax import sampled_softmax
from components.deep._start import popularity_of, start_embeddings
from components.deep._two_tower_start import HAS_ID, KNOWN_UNTIL, keys_of, start_from
from components.deep.two_tower import has_content

if TYPE_CHECKING:
    from components.deep.two_tower import TwoTower, TwoTowerConfig

INT, FLOAT = tf.int32, tf.float32
ITEMS = (
    vector_of(INT),  # items whose vectors are needed
    vector_of(FLOAT),  # items: 1 where the id counts, else 0
    vector_of(INT),  # attributes of these items
    vector_of(INT),  # attributes: position of the item
    vector_of(FLOAT, 2),  # items: content vectors
    vector_of(INT, 2),  # items: words
)
SIGNATURE = (
    *ITEMS,
    vector_of(INT),  # lines of the pasts: position among the items
    vector_of(INT),  # lines: example
    vector_of(FLOAT, 2),  # lines: weight for each decay
    tf.TensorSpec([], INT),  # examples
    vector_of(INT),  # targets: example
    vector_of(INT),  # targets: position among the items
    vector_of(FLOAT),  # targets: weight
    vector_of(INT),  # negatives: position among the items
    vector_of(FLOAT),  # negatives: log of how often each is expected
    vector_of(FLOAT),  # pairs: how the target counts among the negatives
)
ITEMS_AT_ONCE = 2048  # whose vectors are made at once after an epoch
WINDOW = 3  # words the convolution sees at once
SMALL = 0.02  # of what starts by chance
NOTHING_LEFT = 110.0  # nats: float32 knows no smaller probability


def below_all(biases: np.ndarray, temperature: float) -> float:
    """A bias so far below every score of these items, whose cosines lie between -1 and 1, that no evidence is left."""
    return float(biases.min()) - 2 / temperature - NOTHING_LEFT


class Towers:
    """Both towers' variables and graph."""

    def __init__(self, config: TwoTowerConfig, start: np.ndarray, content: ItemContent, rng: np.random.Generator):
        """start float32 (n_items, d), id vectors."""
        self.config, size = config, start.shape[1]
        self.seeds = iter(rng.integers(2**31, size=8).tolist())
        self.ids = keras.Variable(start, name="id_vectors")
        self.biases = keras.Variable(np.zeros(len(start), np.float32), name="item_biases")
        n_attributes = content.features().shape[1]
        attributes = rng.normal(scale=SMALL, size=(n_attributes, size)).astype(np.float32)
        self.attributes = keras.Variable(attributes, name="attribute_embeddings")
        self.own = [self.ids, self.biases, *([self.attributes] if n_attributes else [])]
        self.vectors = self._vectors(content.vectors.shape[1]) if content.vectors.shape[1] else None
        self.text = self._text(content) if config.text != "none" else None
        self.user = self._user(size)
        self.item = self._item(size) if config.item_hidden_size else None
        models = [model for model in (self.user, self.vectors, self.text, self.item) if model is not None]
        self.variables = self.own + [v for model in models for v in model.trainable_variables]

    def _dense(self, units: int, name: str, activation: str | None = None, *, bias: bool = True) -> keras.layers.Layer:
        initializer = keras.initializers.GlorotUniform(next(self.seeds))
        return keras.layers.Dense(units, activation, use_bias=bias, kernel_initializer=initializer, name=name)

    def _vectors(self, width: int) -> keras.Model:
        given = keras.Input((width,))
        initializer = keras.initializers.RandomNormal(stddev=SMALL, seed=next(self.seeds))
        size = self.config.embedding_size
        layer = keras.layers.Dense(size, use_bias=False, kernel_initializer=initializer, name="content")
        return keras.Model(given, layer(given))

    def _text(self, content: ItemContent) -> keras.Model:
        """Words → embeddings → mean, or convolution and maximum → vector."""
        size = self.config.embedding_size
        words = keras.Input((content.words.shape[1],), dtype="int32")
        near = keras.initializers.RandomNormal(stddev=SMALL, seed=next(self.seeds))
        table = keras.layers.Embedding(content.n_words + 1, size, embeddings_initializer=near)
        x, known = table(words), keras.ops.expand_dims(keras.ops.cast(keras.ops.not_equal(words, 0), "float32"), -1)
        if self.config.text == "cnn":
            initializer = keras.initializers.GlorotUniform(next(self.seeds))
            x = keras.layers.Conv1D(size, WINDOW, padding="same", activation="relu", kernel_initializer=initializer)(
                x * known
            )
            pooled = keras.ops.max(x * known, axis=1)
        else:
            pooled = keras.ops.sum(x * known, axis=1) / keras.ops.maximum(keras.ops.sum(known, axis=1), 1.0)
        return keras.Model(words, self._dense(size, "text", bias=False)(pooled))

    def _user(self, size: int) -> keras.Model:
        """A linear map that starts as the mean of the pools, and beside it a hidden layer that starts close to 0."""
        n_pools = len(self.config.basket_decays)
        pooled = keras.Input((n_pools * size,))
        mean = np.tile(np.eye(size, dtype=np.float32), (n_pools, 1)) / n_pools
        linear = keras.layers.Dense(size, use_bias=False, name="user_linear")
        straight = linear(pooled)
        linear.kernel.assign(mean)
        hidden = self._dense(self.config.hidden_size, "user_hidden", "relu")(pooled)
        near = keras.initializers.RandomNormal(stddev=SMALL, seed=next(self.seeds))
        beside = keras.layers.Dense(size, kernel_initializer=near, name="user_out")(hidden)
        return keras.Model(pooled, straight + beside)

    def _item(self, size: int) -> keras.Model:
        """What the parts of an item's content say together; starts close to 0."""
        content = keras.Input((size,))
        hidden = self._dense(self.config.item_hidden_size, "item_hidden", "relu")(content)
        near = keras.initializers.RandomNormal(stddev=SMALL, seed=next(self.seeds))
        return keras.Model(content, keras.layers.Dense(size, kernel_initializer=near, name="item_out")(hidden))

    def items(self, items, kept, attributes, owners, vectors, words) -> tuple[tf.Tensor, tf.Tensor]:
        """Vectors (m, d) and biases (m,) of some items; see ITEMS."""
        out = tf.gather(self.ids.value, items) * kept[:, None]
        said = []
        if self.attributes.shape[0]:
            lines = tf.gather(self.attributes.value, attributes)
            said.append(tf.math.unsorted_segment_sum(lines, owners, tf.size(items)))
        if self.vectors is not None:
            said.append(self.vectors(vectors))
        if self.text is not None:
            said.append(self.text(words))
        for part in said:
            out += part
        if self.item is not None and said:
            out += self.item(sum(said))
        return out, tf.gather(self.biases.value, items) * kept

    def users(
        self, vectors: tf.Tensor, lines: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor, n: tf.Tensor
    ) -> tf.Tensor:
        """(n, d) from the items' vectors at the lines of the pasts."""
        at = tf.gather(vectors, lines)
        pools = [
            tf.math.unsorted_segment_sum(at * weights[:, pool, None], rows, n)
            for pool in range(len(self.config.basket_decays))
        ]
        return self.user(tf.concat(pools, axis=1))


class TwoTowerTrainer:
    """Batches of pasts with what was bought next; only the items a batch needs go through the tower."""

    def __init__(
        self,
        data: Dataset,
        config: TwoTowerConfig,
        rng: np.random.Generator,
        targets: np.ndarray | None = None,
        begun: TwoTower | None = None,
    ):
        """Start of the towers, and everything a step needs.

        targets  bool (n_items,), what is to be foretold; None: everything
        begun    the model to start from
        """
        histories, n_items = data.histories, len(data.items)
        self.config, self.rng, self.now = config, rng, data.now
        self.has_content = has_content(data.content, config)
        content = data.content if self.has_content else None
        self.content = content or ItemContent(np.zeros((n_items, 0), np.float32))
        self.features = self.content.features()
        self.targets = targets
        self.maker = ExampleMaker(histories, config.basket_decays, config.max_length, config.repeat_weight, targets)
        bought = np.bincount(histories.items, minlength=n_items)
        self.known = (bought >= config.min_events).astype(np.float32)
        start = start_embeddings(histories, n_items, config.embedding_size, rng)
        self.towers = Towers(config, start, self.content, rng)
        if begun:
            start_from(self.towers, data, self.content, begun)
        drawn = (bought > 0) & (True if targets is None else targets)
        self.taught = self.features[bought > 0].getnnz(axis=0) > 0  # attributes of something that was bought
        self.negatives = Negatives(popularity_of(histories, n_items) * drawn, config.negatives, rng)
        steps = -(-self.maker.per_epoch(config.examples) // config.batch_size)
        variables = self.towers.variables
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
        """What scoring needs, and what another training may start from."""
        n = len(self.known)
        parts = []
        for start in range(0, n, ITEMS_AT_ONCE):
            items = np.arange(start, min(start + ITEMS_AT_ONCE, n), dtype=np.int32)
            parts.append(self.towers.items(*map(tf.constant, self._inputs(items, self.known[items]))))
        vectors, biases = (np.concatenate([part[at].numpy() for part in parts]) for at in (0, 1))
        if self.targets is not None:
            biases[~self.targets] = below_all(biases[self.targets], self.config.temperature)
        w = {"tower_vectors": vectors, "item_biases": biases} | named(self.towers.user)
        w |= {KNOWN_UNTIL: np.array([self.now]), HAS_ID: self.known > 0}
        if self.features.shape[1]:
            w["attribute_keys"] = keys_of(self.content)[self.taught]
            w["attribute_embeddings"] = self.towers.attributes.numpy()[self.taught]
        return w

    def _inputs(self, items: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, ...]:
        rows = self.features[items]
        owners = np.repeat(np.arange(len(items), dtype=np.int32), np.diff(rows.indptr))
        words = self.content.words if self.content.words is not None else np.zeros((len(self.known), 1), np.int32)
        return items, kept, rows.indices.astype(np.int32), owners, self.content.vectors[items], words[items]

    def _tensors(self, batch: Examples) -> tuple:
        pools, config = batch.pools, self.config
        drawn, log_expected, own = self.negatives.draw(batch.items)
        needed, at = np.unique(np.concatenate((pools.items, batch.items, drawn.numpy())), return_inverse=True)
        lines, targets, others = np.split(at.astype(np.int32), np.cumsum((len(pools.items), len(batch.items))))
        dropped = config.id_dropout if self.has_content else 0.0
        kept = self.known[needed] * (self.rng.random(len(needed)) >= dropped)
        read = (self.rng.random(len(lines)) >= config.dropout).astype(np.float32) / (1 - config.dropout)
        items = self._inputs(needed.astype(np.int32), kept.astype(np.float32))
        past = lines, pools.rows, pools.weights * read[:, None], np.int32(pools.n)
        return *items, *past, batch.query, targets, batch.weights, others, log_expected, own

    def _loss(self, *batch: tf.Tensor) -> tf.Tensor:
        items, past, (query, targets, weights, others, *drawn) = batch[:6], batch[6:10], batch[10:]
        vectors, biases = self.towers.items(*items)
        users = tf.math.l2_normalize(self.towers.users(vectors, *past), axis=1) / self.config.temperature
        vectors = tf.math.l2_normalize(vectors, axis=1)
        bought = tf.reduce_sum(tf.gather(users, query) * tf.gather(vectors, targets), axis=1) + tf.gather(
            biases, targets
        )
        logits = tf.matmul(users, tf.gather(vectors, others), transpose_b=True) + tf.gather(biases, others)
        losses = sampled_softmax(bought, query, logits, *drawn)
        return tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
