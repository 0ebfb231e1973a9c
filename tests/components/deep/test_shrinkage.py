"""Weights are kept small on request, in every network alike, and the softmax is full on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.core.registry import MODELS
from components.deep.fm import Fm, FmConfig
from components.deep.sasrec import SasRec, SasRecConfig
from tests.components.deep.weekly_shop import weekly_shop as shop

DEEP = [name for name in MODELS.names() if Path(MODELS.file(name)).parent.name == "deep"]
SEQUENCES = {"embedding_size": 8, "max_length": 6, "queries": 64, "negatives": 20, "best_by": "last"}
SEQUENCES |= {"epochs": 8, "batch_size": 8, "learning_rate": 0.01}
PAIRS = {
    "embedding_size": 8,
    "negatives": 20,
    "validation_share": 0,
    "learning_rate": 0.02,
    "epochs": 6,
    "batch_size": 16,
}


@pytest.mark.parametrize("name", DEEP)
def test_every_network_has_both_penalties_and_uses_neither_by_default(name: str) -> None:
    config = MODELS.get(name).Config()
    assert (config.regularization, config.l1) == (0, 0)


@pytest.mark.slow
def test_a_step_moves_weights_towards_zero_where_they_stop_and_leaves_biases_alone() -> None:
    import keras

    from components.deep._shrinkage import shrinking

    values = np.array([0.5, -0.004, 0.0], np.float32)
    weights, biases = keras.Variable(values, name="item_embeddings"), keras.Variable(values, name="item_biases")
    optimizer = keras.optimizers.Adam(0.1)
    shrinking([weights, biases], optimizer, 0.1)()
    assert weights.numpy() == pytest.approx([0.49, 0, 0])
    assert biases.numpy().tolist() == values.tolist()


@pytest.mark.slow
def test_an_l1_penalty_leaves_fewer_weights_and_a_decay_smaller_ones() -> None:
    def embeddings(cls: type, config: object, name: str) -> np.ndarray:
        return cls(config).fit(shop(), np.random.default_rng(0)).weights[name]

    for cls, config, options, name in (
        (SasRec, SasRecConfig, SEQUENCES, "item_embeddings"),
        (Fm, FmConfig, PAIRS, "history_embeddings"),
    ):
        plain = embeddings(cls, config(**options), name)
        sparse = embeddings(cls, config(**options, l1=1), name)
        small = embeddings(cls, config(**options, regularization=1.0), name)
        assert (plain != 0).all() and (sparse == 0).mean() > 0.02
        assert np.abs(small).mean() < np.abs(plain).mean()


@pytest.mark.slow
def test_the_full_softmax_of_alike_items_is_the_logarithm_of_their_number_and_what_many_negatives_come_to() -> None:
    import tensorflow as tf

    from components.deep._network import Network
    from components.deep._sequence_losses import full_losses, sampled_losses
    from components.deep._training import _negatives

    n, draw = 30, np.random.default_rng(0)
    popularity, queries = np.full(n, 1 / n, np.float32), tf.constant(draw.normal(size=(4, 8)), tf.float32)
    query, items = np.array([0, 1, 2, 3, 3], np.int32), np.array([3, 29, 0, 7, 8], np.int32)
    targets = tuple(map(tf.constant, (query, query, items, np.ones(5, np.float32))))
    encoder = SasRec.encoder(SasRecConfig(embedding_size=8), draw)
    alike = Network(encoder, np.zeros((n, 8), np.float32), popularity)
    assert full_losses(alike, queries, targets).numpy() == pytest.approx(np.full(5, np.log(n)), rel=1e-5)
    different = Network(encoder, draw.normal(size=(n, 8)).astype(np.float32), popularity)
    drawn = draw.choice(n, 200_000)
    sampled = sampled_losses(different, queries, targets, _negatives(drawn, np.log(200_000 * popularity), items))
    assert sampled.numpy() == pytest.approx(full_losses(different, queries, targets).numpy(), abs=0.05)


@pytest.mark.slow
def test_with_no_negatives_the_training_loss_is_that_of_the_whole_catalogue() -> None:
    model = SasRec(SasRecConfig(**SEQUENCES | {"negatives": 0})).fit(shop(), np.random.default_rng(0))
    losses = model.curves()["train_loss"]
    assert losses[-1] < losses[0] < np.log(30) + 0.5
