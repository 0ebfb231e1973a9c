"""Training of LightGCN. Importing this file imports TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from components.core.dataset import Histories
from components.deep._catalogue_training import (
    Negatives,
    Step,
    sparse_of,
    vector_of,
)
from components.deep._early_stopping import epoch_of
from components.deep._sampled_softmax import sampled_softmax
from components.deep._start import popularity_of, start_embeddings
from components.deep.light_gcn import edges_of, spread

if TYPE_CHECKING:
    from components.deep.light_gcn import LightGcnConfig

SIGNATURE = (
    vector_of(tf.int32),  # pairs: the user
    vector_of(tf.int32),  # pairs: the item, one of his
    vector_of(tf.int32),  # pairs: number of the edge between them
    vector_of(tf.int32),  # negatives
    vector_of(tf.float32),  # negatives: log of how often each is expected
    vector_of(tf.float32),  # pairs: how the item counts among the negatives
    tf.TensorSpec([2], tf.int32),  # seed of the dropout
)
START_SCALE = 4.0  # the edges' weights and the mean over the layers shrink a logit about that much squared


class LightGcnNetwork:
    """Embeddings of users and items, and the graph they spread over."""

    def __init__(self, edges: sp.csr_matrix, users: np.ndarray, items: np.ndarray, biases: np.ndarray, layers: int):
        """edges CSR (n_users, n_items), as `edges_of` weighs them; layer 0 of users and items."""
        self.edges, self.layers = edges, layers
        self.forth, self.back = sparse_of(edges), sparse_of(edges.T)
        self.users = keras.Variable(users, name="user_embeddings")
        self.items = keras.Variable(items, name="item_embeddings")
        self.biases = keras.Variable(biases, name="item_biases")
        self.variables = [self.users, self.items, self.biases]

    def spread(self, dropout: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Users (n_users, d), items (n_items, d), what an item gives to its users (n_items, d), over edges (edges,)."""
        forth, back = (_thinned(edges, dropout, seed + at) for at, edges in enumerate((self.forth, self.back)))
        users, items = self.users.value, self.items.value
        before = items  # a running sum: AddN of three or more adds in the order in which its buffers come free
        for layer in range(self.layers):
            given = tf.sparse.sparse_dense_matmul(back, users)
            if layer < self.layers - 1:
                users = tf.sparse.sparse_dense_matmul(forth, items)
                before = before + given
            items = given
        gives = before / (self.layers + 1)
        reached = tf.sparse.sparse_dense_matmul(forth, gives)
        return reached, gives + items / (self.layers + 1), gives, forth.values

    def states(self, users: tf.Tensor, bought: tf.Tensor, edges: tf.Tensor, spread: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """(pairs, d): users' vectors without what came over the edge to the item bought, as thinned as it was.

        edges  int (pairs,), numbers of these edges, row by row; spread as `spread` gives it
        """
        all_users, _, gives, values = spread
        return tf.gather(all_users, users) - tf.gather(values, edges)[:, None] * tf.gather(gives, bought)

    def weights(self) -> dict[str, np.ndarray]:
        """What scoring needs."""
        users, items, biases = (v.numpy() for v in self.variables)
        return spread(self.edges, users, items, biases, self.layers)


class LightGcnTrainer:
    """Batches of purchases against sampled items."""

    def __init__(self, histories: Histories, n_items: int, config: LightGcnConfig, rng: np.random.Generator):
        """Start of the network, and everything a step needs."""
        held = histories.matrix(n_items, binary=True)
        edges = edges_of(held)
        edges.sort_indices()  # so that a pair's number is that of its edge in the graph
        self.pairs, self.config, self.rng = edges.tocoo(), config, rng
        popularity = popularity_of(histories, n_items)
        items = START_SCALE * start_embeddings(histories, n_items, config.embedding_size, rng)
        users = (self.pairs @ items).astype(np.float32)
        self.network = LightGcnNetwork(edges, users, items, np.log(popularity), config.layers)
        self.negatives = Negatives(popularity, config.negatives, rng)
        steps = -(-self.pairs.nnz // config.batch_size)
        self.step = Step(self._loss, self.network.variables, config, steps, SIGNATURE)

    @property
    def state(self) -> list[keras.Variable]:
        """The network's and the optimizer's variables."""
        return self.step.variables

    def epoch(self, deadline: float) -> float:
        """Mean loss per purchase."""
        return epoch_of(self.step, self._batches(), deadline)

    def weights(self) -> dict[str, np.ndarray]:
        """The network's."""
        return self.network.weights()

    def _batches(self) -> Iterator[tuple]:
        pairs, size = self.pairs, self.config.batch_size
        order = self.rng.permutation(pairs.nnz)
        for start in range(0, len(order), size):
            at = order[start : start + size]
            seed = self.rng.integers(2**31 - 1, size=2).astype(np.int32)
            yield (
                pairs.row[at].astype(np.int32),
                pairs.col[at].astype(np.int32),
                at.astype(np.int32),
                *self.negatives.draw(pairs.col[at]),
                seed,
            )

    def _loss(self, users, bought, edges, drawn, log_expected, own, seed) -> tf.Tensor:
        spread = self.network.spread(self.config.dropout, seed)
        items, biases = spread[1], self.network.biases.value
        states = self.network.states(users, bought, edges, spread)
        targets = tf.reduce_sum(states * tf.gather(items, bought), axis=1) + tf.gather(biases, bought)
        if self.config.objective == "bpr":
            rivals = tf.gather(drawn, tf.range(tf.size(users)) % tf.size(drawn))
            others = tf.reduce_sum(states * tf.gather(items, rivals), axis=1) + tf.gather(biases, rivals)
            return tf.reduce_mean(tf.math.softplus(others - targets))
        logits = tf.matmul(states, tf.gather(items, drawn), transpose_b=True) + tf.gather(biases, drawn)
        return tf.reduce_mean(sampled_softmax(targets, tf.range(tf.size(users)), logits, log_expected, own))


def _thinned(edges: tf.SparseTensor, dropout: float, seed: tf.Tensor) -> tf.SparseTensor:
    if not dropout:
        return edges
    kept = tf.cast(tf.random.stateless_uniform(tf.shape(edges.values), seed) >= dropout, tf.float32)
    return edges.with_values(edges.values * kept / (1 - dropout))
