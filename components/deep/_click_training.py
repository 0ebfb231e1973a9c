"""Training of FM, DeepFM and NeuMF on what was shown: clicked or not. Importing this file imports TensorFlow.

No negatives are drawn: what was shown and not clicked is what a click is told from. The place in the list has a bias of
its own, so that an item shown at the top is not taken for a good one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from components.core.dataset import Dataset
from components.core.exposures import Exposures
from components.deep._catalogue_training import Step, vector_of
from components.deep._clicks import ClickPasts, weights_of
from components.deep._early_stopping import epoch_of
from components.deep._pair_model import Form, PairConfig, moments
from components.deep._pair_training import PairNetwork, attributes_of
from components.deep._start import start_embeddings

INT, FLOAT = tf.int32, tf.float32
SIGNATURE = (
    vector_of(INT),  # lines: items of the pasts
    vector_of(INT),  # lines: exposure of each
    vector_of(FLOAT),  # lines: weight of each
    vector_of(INT, 2),  # exposures: hour and weekday
    vector_of(INT),  # exposures: item
    vector_of(INT),  # exposures: place, from 0
    vector_of(FLOAT),  # exposures: 1 where clicked
    vector_of(FLOAT),  # exposures: weight
)


class ClickTrainer:
    """Batches of exposures; binary cross-entropy of clicked or not."""

    def __init__(self, data: Dataset, shown: Exposures, form: Form, config: PairConfig, rng: np.random.Generator):
        """Start of the network: every item as good as the mean of all."""
        n_items = len(data.items)
        self.config, self.rng, self.shown = config, rng, shown
        self.pasts = ClickPasts(data.histories, config)
        self.weight = weights_of(shown, config)
        start = start_embeddings(data.histories, n_items, config.embedding_size, rng)
        share = np.average(shown.clicked, weights=self.weight).clip(1 / (len(shown) + 2), 1 - 1 / (len(shown) + 2))
        odds = np.full(n_items, share / (1 - share), np.float32)
        self.network = PairNetwork(form, config, start, odds, attributes_of(data, form), rng)
        self.network.add("position_biases", np.zeros(int(shown.positions.max())))
        variables = list(self.network.variables.values())
        steps = -(-len(shown) // config.batch_size)
        self.step = Step(self._loss, variables, config, steps, SIGNATURE)

    @property
    def state(self) -> list:
        """The network's and the optimizer's variables."""
        return self.step.variables

    def epoch(self, deadline: float) -> float:
        """Mean loss per exposure."""
        return epoch_of(self.step, self._batches(), deadline)

    def weights(self) -> dict[str, np.ndarray]:
        """The network's at an average place, and position_biases (places,), how much a place differs from it."""
        w = self.network.weights()
        biases = self.network.variables["position_biases"].numpy()
        mean = np.average(biases[self.shown.positions - 1], weights=self.weight)
        return w | {"item_biases": w["item_biases"] + np.float32(mean), "position_biases": biases - np.float32(mean)}

    def _batches(self) -> Iterator[tuple]:
        order = self.rng.permutation(len(self.shown))
        for begin in range(0, len(order), self.config.batch_size):
            at = np.sort(order[begin : begin + self.config.batch_size])
            part = self.shown.keep(at)
            pools, keep = self.pasts.of(part), 1 - self.config.dropout
            kept = (self.rng.random(len(pools.items)) < keep).astype(np.float32) / keep
            moment = np.stack(list(moments(part.times).values()), axis=1).astype(np.int32)
            places, clicked = (part.positions - 1).astype(np.int32), part.clicked.astype(np.float32)
            lines = pools.items, pools.rows, pools.weights[:, 0] * kept
            yield *lines, moment, part.items, places, clicked, self.weight[at]

    def _loss(self, *batch: tf.Tensor) -> tf.Tensor:
        *past, items, places, clicked, weight = batch
        users = self.network.users(*past)
        logits = self.network.pair_logits(users, self.network.items().at(items))
        logits += tf.gather(self.network.variables["position_biases"].value, places)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(clicked, logits)
        return tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)
