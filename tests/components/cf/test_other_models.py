"""RP3beta, PureSVD, BPR and TIFU-kNN: values worked out by hand, or by the textbook's way."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from components.cf._recency import recent
from components.cf.bpr import Bpr, BprConfig, mean_rows
from components.cf.pure_svd import right_vectors
from components.cf.rp3beta import Rp3beta, Rp3betaConfig
from components.cf.tifu_knn import TifuKnn, TifuKnnConfig
from components.core.dataset import DAY_S, Dataset, Histories

RNG = np.random.default_rng(0)
# a and b share the buyer u; a alone has v; c alone has w
DATA = Dataset.from_events(np.array(list("uuvw")), np.array(list("abac")), np.array([1, 2, 3, 4]), 10)


def test_a_walk_of_three_steps_has_the_probability_of_its_steps() -> None:
    walks = Rp3beta(Rp3betaConfig(alpha=1, beta=0)).fit(DATA, RNG).walks.toarray()
    # from a: to u or v (½ each); from u to a or b (½ each), from v to a
    assert walks == pytest.approx(np.array([[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 1]]))


def test_beta_divides_by_the_buyers_of_where_the_walk_arrives() -> None:
    walks = Rp3beta(Rp3betaConfig(alpha=1, beta=1)).fit(DATA, RNG).walks.toarray()
    assert walks[0] == pytest.approx([0.75 / 2, 0.25, 0])


def test_the_directions_are_the_right_singular_vectors() -> None:
    matrix = np.random.default_rng(1).random((40, 25))
    found = right_vectors(sp.csr_matrix(matrix, dtype=np.float32), 3, 8, np.random.default_rng(2))
    exact = np.linalg.svd(matrix)[2][:3]
    assert np.abs(exact @ found) == pytest.approx(np.eye(3), abs=1e-3)


def test_directions_beyond_the_rank_are_zero() -> None:
    found = right_vectors(sp.csr_matrix(np.ones((5, 4), dtype=np.float32)), 3, 4, np.random.default_rng(2))
    assert np.abs(found[:, 0]) == pytest.approx(0.5, abs=1e-4) and not found[:, 1:].any()


def test_a_weighted_mean_of_nothing_is_zero() -> None:
    weights = sp.csr_matrix(np.array([[3.0, 1.0], [0.0, 0.0]], dtype=np.float32))
    assert mean_rows(weights, np.array([[4.0], [8.0]])) == pytest.approx(np.array([[5.0], [0.0]]))


def test_a_stranger_without_history_gets_bpr_s_biases() -> None:
    model = Bpr(BprConfig(embedding_size=2, epochs=5)).fit(DATA, RNG)
    assert model.score(Histories.of([[]], [[]], 10))[0] == pytest.approx(model.item_biases)


def test_tifu_decays_within_groups_and_between_them() -> None:
    config = TifuKnnConfig(group_size=2, within_decay=0.5, group_decay=0.1, own_share=1)
    model = TifuKnn(config).fit(DATA, RNG)
    # Baskets oldest first: a | b, c. The last group is full: its mean is (b/2 + c)/2; the other's a; over two groups.
    scores = model.score(Histories.of([[0, 1, 2]], [[1, 2, 3]], 10))[0]
    assert scores == pytest.approx([0.1 / 2, 0.5 / 2 / 2, 1 / 2 / 2])


def test_tifu_leaves_the_user_out_and_takes_the_nearest_other() -> None:
    model = TifuKnn(TifuKnnConfig(neighbours=1, own_share=0)).fit(DATA, RNG)
    assert model.score(DATA.histories.take(np.array([0])))[0] == pytest.approx([1, 0, 0])  # u's nearest is v


def test_later_baskets_weigh_more_where_baskets_decay() -> None:
    weights = recent(Histories.of([[0, 1, 0]], [[1, 2, 3]], 10), 2, None, 0.5).toarray()
    assert weights.tolist() == [[1.25, 0.5]]


def test_tifu_says_nothing_to_whoever_has_bought_nothing() -> None:
    events = [("u", "a", 1), ("v", "b", 2), ("w", "a", 3), ("w", "b", 4)]
    users, items, times = (np.array(column) for column in zip(*events, strict=True))
    model = TifuKnn().fit(Dataset.from_events(users, items, times, 9), np.random.default_rng(0))
    assert model.score(Histories.of([[], [0]], [[], [5]], 9)).max(axis=1)[0] == 0


def test_bpr_answers_a_user_whose_purchases_are_too_old_to_count_as_one_without_any() -> None:
    events = [(f"u{n % 5}", f"i{n % 3}", n * DAY_S) for n in range(30)]
    users, items, times = (np.array(column) for column in zip(*events, strict=True))
    data = Dataset.from_events(users, items, times, 40 * DAY_S)
    config = BprConfig(half_life_days=7, embedding_size=4, epochs=2)
    model, now = Bpr(config).fit(data, np.random.default_rng(0)), 2000 * DAY_S
    old = model.score(Histories.of([[0]], [[now - 945 * DAY_S]], now))
    assert np.isfinite(old).all()
    assert old == pytest.approx(model.score(Histories.of([[]], [[]], now)))
