"""SLIM and EASE's tail: the same weights as solving each item on its own, by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from components.cf._regressions import regress
from components.cf.ease import Ease, EaseConfig
from components.cf.slim import Slim, SlimConfig, elastic_net
from components.core.dataset import Dataset
from components.core.errors import ConfigError

RNG = np.random.default_rng(0)


def shop(users: int = 60, items: int = 7) -> Dataset:
    bought = np.argwhere(np.random.default_rng(1).random((users, items)) < 0.4)
    return Dataset.from_events(bought[:, 0].astype(np.str_), bought[:, 1].astype(np.str_), np.arange(len(bought)), 1000)


def test_the_elastic_net_meets_its_optimality_conditions() -> None:
    matrix = np.random.default_rng(2).random((3, 40, 5)).astype(np.float32)
    grams, right = matrix.transpose(0, 2, 1) @ matrix, np.array([[9, 1, 12, 3, 10]] * 3, dtype=np.float32)
    weights = elastic_net(grams, right, 2, 5, 500, 1e-7)
    slope = right - 2 - np.einsum("bij,bj->bi", grams, weights) - 5 * weights
    assert (weights >= 0).all() and (weights == 0).any() and (weights > 0).any()
    assert slope[weights > 0] == pytest.approx(0, abs=1e-3)
    assert (slope[weights == 0] <= 1e-3).all()


def test_without_shared_buyers_beyond_l1_there_are_no_weights() -> None:
    model = Slim(SlimConfig(l1=1000, half_life_days=None)).fit(shop(), RNG)
    assert model.weights.nnz == 0


def test_no_item_speaks_for_itself() -> None:
    assert not Slim(SlimConfig(l1=0, l2=1)).fit(shop(), RNG).weights.diagonal().any()


def test_fewer_candidates_than_asked_for_leave_the_rest_at_zero() -> None:
    two = sp.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32))
    weights = regress(two, np.arange(3), 2, lambda grams, right: right, "test").toarray()
    assert weights.tolist() == [[0, 2, 0], [2, 0, 0], [0, 0, 0]]


def test_ease_s_tail_on_all_items_is_the_closed_form_where_that_is_positive() -> None:
    data, options = shop(), {"regularization": 5, "half_life_days": None}
    exact = Ease(EaseConfig(**options)).fit(data, RNG).weights.toarray()
    tail = Ease(EaseConfig(max_items=0, tail_neighbours=6, **options)).fit(data, RNG).weights.toarray()
    assert tail == pytest.approx(exact, abs=1e-4)


LARGE = 660


def small_shop() -> Dataset:
    """300 users with five of 660 items each."""
    items = RNG.integers(0, LARGE, 1500)
    return Dataset.from_events(
        np.repeat(np.arange(300), 5).astype(np.str_), items.astype(np.str_), np.arange(1500), 2000
    )


@pytest.mark.parametrize("model", [Ease(EaseConfig(max_items=0, tail_neighbours=100)), Slim(SlimConfig())])
def test_no_more_is_foretold_than_the_events_can_fill_and_no_less_than_is_taken(model) -> None:
    data = small_shop()
    tracemalloc.start()
    model.fit(data, RNG)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    foretold = sum(part.bytes for part in model.memory(data))
    assert peak / 2 < foretold < 4 * peak


def many_users_of_many_items(n: int = 8000) -> Dataset:
    """Every pair of items could be somebody's: the blocks are as large as they get."""
    users, items = np.divmod(np.arange(20 * n), 20)
    return Dataset.from_events(
        users.astype(np.str_), ((users * 20 + items) % n).astype(np.str_), np.arange(20 * n), 10**7
    )


@pytest.mark.parametrize("model", [Ease(EaseConfig(max_items=0, tail_neighbours=1)), Slim(SlimConfig(candidates=1))])
def test_an_option_that_is_as_small_as_it_gets_is_not_named_as_a_way_out(model) -> None:
    model.memory_gb = 0.3
    with pytest.raises(ConfigError, match="none of its options makes that much smaller; take another model"):
        model.fit(many_users_of_many_items(), RNG)


@pytest.mark.parametrize("model", [Ease(EaseConfig(max_items=0, tail_neighbours=100)), Slim(SlimConfig())])
def test_one_item_alone_has_no_other_to_speak_for_it(model) -> None:
    data = Dataset.from_events(np.array(["u", "v"]), np.array(["a", "a"]), np.arange(2), 10)
    assert model.fit(data, RNG).score(data.histories).tolist() == [[0], [0]]
