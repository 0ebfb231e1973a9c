"""LightGCN, NeuMF, FM and DeepFM: numpy equals Keras, new users, planted attributes, and calibrated probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from components.core.content import ItemContent
from components.core.dataset import DAY_S, Dataset, Histories
from components.deep._later import teaches
from components.deep._pair_model import PairModel, moments
from components.deep._pools import ExampleMaker, pools_of
from components.deep.deep_fm import DeepFm
from components.deep.fm import Fm
from components.deep.light_gcn import LightGcn, LightGcnConfig, edges_of, spread
from components.deep.neumf import NeuMf
from components.metrics.calibration import expected_calibration_error, reliability

NOW = 400 * DAY_S
TINY = {"embedding_size": 6, "epochs": 3, "negatives": 20, "batch_size": 64, "learning_rate": 0.01}


def shop(n_users: int = 40, n_items: int = 30) -> Dataset:
    """Users with 1 to 6 weekly baskets of 1 to 4 items, at different hours."""
    draw = np.random.default_rng(5)
    rows = [
        (user, item, NOW - (basket + 1) * 7 * DAY_S + user * 3600)
        for user in range(n_users)
        for basket in range(1 + user % 6)
        for item in draw.choice(n_items, draw.integers(1, 5), replace=False)
    ]
    users, items, times = np.array(rows).T
    return Dataset.from_events(users.astype(str), np.char.zfill(items.astype(str), 2), times, NOW)


def days(*sequences: list[int]) -> Histories:
    """One item a day, the last one yesterday."""
    times = [[NOW - (len(s) - at) * DAY_S for at in range(len(s))] for s in sequences]
    return Histories.of(list(sequences), times, NOW)


def test_a_pool_weighs_the_last_basket_most_and_has_length_one() -> None:
    pools = pools_of(days([0, 1], [2], []), (0.5,), 5)
    assert pools.items.tolist() == [0, 1, 2] and pools.rows.tolist() == [0, 0, 1] and pools.n == 3
    np.testing.assert_allclose(pools.weights[:, 0], [0.5 / 1.25**0.5, 1 / 1.25**0.5, 1], rtol=1e-6)


def test_every_basket_with_one_before_it_is_foretold_once_an_epoch() -> None:
    maker = ExampleMaker(days([0, 1, 2], [3], [4, 5]), (1.0,), 5, 0.2)
    [batch] = maker.epoch(10, 10, np.random.default_rng(0))
    assert sorted(batch.items.tolist()) == [1, 2, 5] and maker.per_epoch(10) == 3
    target_of_two = batch.query[batch.items == 2][0]
    assert batch.pools.items[batch.pools.rows == target_of_two].tolist() == [0, 1]
    assert sum(len(b.times) for b in maker.epoch(1, 1, np.random.default_rng(0))) == 2 == maker.per_epoch(1)


def test_where_targets_are_named_a_basket_without_any_is_read_and_not_foretold() -> None:
    targets = np.array([True, False, False, False, False, True])
    maker = ExampleMaker(days([0, 1, 5], [3], [4, 2], [4, 0]), (1.0,), 5, 0.2, targets)
    [batch] = maker.epoch(10, 10, np.random.default_rng(0))
    assert sorted(batch.items.tolist()) == [0, 5] and maker.per_epoch(10) == 2
    [of_five] = batch.query[batch.items == 5]
    assert batch.pools.items[batch.pools.rows == of_five].tolist() == [0, 1]


def test_a_past_teaches_where_something_to_be_foretold_follows_something() -> None:
    first, later = np.array([True, False]), np.array([False, True])
    past = days([0, 1], [1], [])
    assert teaches(past) and teaches(past, later)
    assert not teaches(past, first) and not teaches(days([0], [1], []))


def test_the_first_of_january_1970_was_a_thursday() -> None:
    assert {name: at.tolist() for name, at in moments(np.array([5 * 3600, 4 * DAY_S])).items()} == {
        "hour": [5, 0],
        "weekday": [3, 0],
    }


def test_spreading_takes_an_item_to_the_items_of_its_users() -> None:
    # Users 0 and 1 hold items 0, 1 and 1, 2. Only item 0 has a vector.
    held = sp.csr_matrix(np.array([[1, 1, 0], [0, 1, 1]], dtype=np.float32))
    items, none = np.array([[1.0], [0.0], [0.0]]), np.zeros((2, 1))
    w = spread(edges_of(held), none, items, np.zeros(3), 2)
    # Layer 2 of item 1: edge(0, 1) · layer 1 of user 0 = (1 / 2) · (1 / sqrt 2); the mean is over three layers.
    np.testing.assert_allclose(w["item_embeddings"][:, 0], [1 / 3 + 0.5 / 3, 0.5 / 2**0.5 / 3, 0], rtol=1e-6)
    np.testing.assert_allclose(w["history_embeddings"][:, 0], [1 / 3, 0, 0], rtol=1e-6)


@pytest.mark.slow
def test_light_gcn_in_numpy_equals_its_keras_graph() -> None:
    import tensorflow as tf

    from components.deep._light_gcn_training import LightGcnTrainer

    data = shop()
    trainer = LightGcnTrainer(data.histories, 30, LightGcnConfig(**TINY, layers=3), np.random.default_rng(0))
    draw = np.random.default_rng(1)
    for variable in trainer.network.variables:
        variable.assign(draw.normal(size=variable.shape))
    users, items, *_ = trainer.network.spread(0.0, tf.constant([1, 2]))
    model = LightGcn(LightGcnConfig(**TINY))
    model.items = data.items
    model.restore(trainer.weights())
    expected = (tf.matmul(users, items, transpose_b=True) + trainer.network.biases.value).numpy()
    np.testing.assert_allclose(model.logits(data.histories), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_state_that_foretells_an_item_holds_nothing_that_came_over_its_own_edge(dropout: float) -> None:
    # With one layer a user is the sum of what his items give him: here every item is an axis of its own.
    import tensorflow as tf

    from components.deep._light_gcn_training import LightGcnTrainer

    options = TINY | {"embedding_size": 30, "dropout": dropout}
    trainer = LightGcnTrainer(shop().histories, 30, LightGcnConfig(**options, layers=1), np.random.default_rng(0))
    trainer.network.items.assign(np.eye(30))
    pairs, spread = trainer.pairs, trainer.network.spread(dropout, tf.constant([1, 2]))
    numbers = np.arange(pairs.nnz, dtype=np.int32)
    states = trainer.network.states(pairs.row, pairs.col, numbers, spread).numpy()
    whole = spread[0].numpy()[pairs.row]
    own = np.eye(30, dtype=bool)[pairs.col]
    assert np.abs(states[own]).max() < 1e-6, "nothing of the item itself"
    np.testing.assert_array_equal(states[~own], whole[~own])
    assert (whole[own] == 0).mean() == pytest.approx(dropout, abs=0.15), "as many edges were left out"


def content(n_items: int = 30) -> ItemContent:
    """An attribute of three values and two tags."""
    tags = sp.csr_matrix((np.arange(n_items * 2).reshape(-1, 2) % 5 == 0).astype(np.float32))
    return ItemContent(
        np.zeros((n_items, 0), np.float32), {"brand": (np.arange(n_items) % 4 - 1).astype(np.int32)}, tags
    )


PAIRS = [
    pytest.param(Fm, {"context": ("hour", "weekday")}, id="fm"),
    pytest.param(DeepFm, {"context": ("weekday",), "hidden_sizes": (5, 4)}, id="deep_fm"),
    pytest.param(NeuMf, {"hidden_sizes": (5, 4)}, id="neumf"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "options"), PAIRS)
def test_a_model_of_pairs_in_numpy_equals_its_keras_graph(cls: type[PairModel], options: dict) -> None:
    import tensorflow as tf

    from components.deep._pair_training import PairTrainer

    data = replace(shop(), content=content())
    model = cls(cls.Config(**TINY, **options))
    model.items = data.items
    trainer = PairTrainer(data, model.form, model.config, np.random.default_rng(0))
    draw = np.random.default_rng(1)
    for variable in trainer.network.variables.values():
        variable.assign(draw.normal(scale=0.5, size=variable.shape))
    model.restore(trainer.weights())
    pools = pools_of(data.histories, (model.config.basket_decay,), model.config.max_length)
    moment = np.tile([at[0] for at in moments(np.array([NOW])).values()], (len(data.histories), 1)).astype(np.int32)
    users = trainer.network.users(*(tf.constant(x) for x in (pools.items, pools.rows, pools.weights[:, 0], moment)))
    items = trainer.network.items()
    np.testing.assert_allclose(
        model.logits(data.histories), trainer.network.cross_logits(users, items).numpy(), rtol=1e-4, atol=1e-3
    )
    pairs = trainer.network.pair_logits(users.at([3, 5]), items.at([7, 0])).numpy()
    np.testing.assert_allclose(pairs, model.logits(data.histories)[[3, 5], [7, 0]], rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_an_item_bought_once_is_ranked_by_its_brand() -> None:
    # Items 0–9 are of brand 0, items 10–19 of brand 1; users keep to a brand; items 9 and 19 were bought once each.
    draw = np.random.default_rng(0)
    sequences = [(draw.choice(9, 6) + 10 * (user % 2)).tolist() for user in range(60)]
    sequences[0][1], sequences[1][1] = 9, 19
    events = [(u, i, NOW - (6 - at) * DAY_S) for u, s in enumerate(sequences) for at, i in enumerate(s)]
    users, items, times = np.array(events).T
    data = Dataset.from_events(users.astype(str), np.char.zfill(items.astype(str), 2), times, NOW)
    brands = (np.array(data.items.ids).astype(int) // 10).astype(np.int32)
    known = replace(data, content=ItemContent(np.zeros((20, 0), np.float32), {"brand": brands}))
    model = Fm(Fm.Config(**TINY | {"epochs": 15, "learning_rate": 0.03})).fit(known, np.random.default_rng(0))
    scores = model.score(days([3, 4, 5], [13, 14, 15]))
    assert scores[0, 9] > 2 * scores[0, 19] and scores[1, 19] > 2 * scores[1, 9]


@pytest.mark.slow
def test_trained_by_cross_entropy_the_probabilities_are_what_happens() -> None:
    # Every user draws from one distribution, independent of the past: item i has probability 2^-(i + 1) or so.
    chances = 0.5 ** np.arange(1, 9)
    chances /= chances.sum()

    def drawn(seed: int) -> Dataset:
        draw = np.random.default_rng(seed)
        rows = [(u, draw.choice(8, p=chances), NOW - (12 - at) * DAY_S) for u in range(150) for at in range(12)]
        users, items, times = np.array(rows).T
        return Dataset.from_events(np.char.zfill(users.astype(str), 3), items.astype(str), times, NOW)

    options = {"epochs": 12, "negatives": 6, "objective": "bce", "learning_rate": 0.01}  # nearly all are repeats
    model = Fm(Fm.Config(**TINY | options)).fit(drawn(0), np.random.default_rng(0))
    other = drawn(1)
    last = other.histories.items[other.histories.indptr[1:] - 1]
    asked = other.histories.keep(other.histories.times < other.histories.times.max())
    bought = np.eye(8)[last].astype(bool)
    foretold = np.exp(np.minimum(model.logits(asked), 0))
    curve = reliability(foretold.ravel(), bought.ravel(), bins=5)
    assert expected_calibration_error(curve) < 0.03
    np.testing.assert_allclose(foretold.mean(axis=0)[:3], chances[:3], atol=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["softmax", "bpr"])
def test_light_gcn_learns_who_belongs_together_by_either_objective(objective: str) -> None:
    draw = np.random.default_rng(0)
    sequences = [(2 * draw.choice(10, 5, replace=False) + user % 2).tolist() for user in range(40)]
    events = [(u, i, NOW - (5 - at) * DAY_S) for u, s in enumerate(sequences) for at, i in enumerate(s)]
    users, items, times = np.array(events).T
    data = Dataset.from_events(users.astype(str), np.char.zfill(items.astype(str), 2), times, NOW)
    model = LightGcn(LightGcnConfig(**TINY | {"epochs": 8}, objective=objective)).fit(data, np.random.default_rng(0))
    scores = model.score(days([0, 2, 4], [1, 3, 5]))
    assert scores[0, 6::2].mean() > 2 * scores[0, 7::2].mean() and scores[1, 7::2].mean() > 2 * scores[1, 6::2].mean()
