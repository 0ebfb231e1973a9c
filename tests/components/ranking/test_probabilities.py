"""A probability is told to anybody, so it counts those who buy nothing."""

from __future__ import annotations

import numpy as np
import pytest

from components.core import layout
from components.core.dataset import Dataset
from components.evaluation.protocol import idle, task
from components.ranking.assemble import untrained_hybrid
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.ranking.probabilities import calibrate, idle_table
from components.ranking.training import RankConfig, Table
from components.splits import store
from components.splits.store import Target
from tests.conftest import RANKER

NAMES = ["score"]


def buyers(n):
    """Everyone has two candidates; one of score 0 that nobody buys, one of score 1 that every other user buys."""
    labels = np.column_stack((np.zeros(n), np.arange(n) % 2)).ravel().astype(np.int8)
    features = np.tile([[0.0], [1.0]], (n, 1)).astype(np.float32)
    return Table(NAMES, features, labels, np.repeat(2 * np.arange(n), 2), np.ones(2 * n, np.float32), 1.0)


def nobody(n, weight):
    """The same candidates of users who buy nothing, each of whom stands for `weight`."""
    table = buyers(n)
    return Table(NAMES, table.features, 0 * table.labels, table.groups, weight * table.weights, 0.0)


@pytest.mark.parametrize(("nothing", "share"), [(None, 1 / 2), (nobody(800, 1.0), 1 / 4), (nobody(200, 12.0), 1 / 8)])
def test_a_probability_is_the_share_of_all_users_who_buy(nothing, share):
    table = buyers(1600)
    held_out = table.groups >= 1600  # half of the users
    config = LambdamartConfig(trees=5, min_child_weight=0, row_share=1, column_share=1, threads=1)
    ranker = Lambdamart(config).fit(table.features, table.labels, table.groups, held_out, NAMES, 1)
    curve = calibrate(ranker, table, held_out, nothing, np.random.default_rng(0))
    told = ranker.calibration.probability(ranker.predict(np.array([[0.0], [1.0]], dtype=np.float32)))
    assert told == pytest.approx([0, share])
    assert curve.foretold == pytest.approx(curve.happened, abs=0.05)


def test_the_users_who_bought_nothing_are_those_that_the_task_leaves_out():
    data = Dataset.from_events(np.array(["a", "a", "b", "c"]), np.array(["w", "x", "y", "z"]), np.arange(4), 10)
    items = np.array([1, 2], dtype=np.int32)
    target = Target(np.array([0, 0]), items, outside=1, unknown_users=0, held_out=np.array([0, 1]))
    assert task(data, target).user_ids.tolist() == ["a"]
    assert data.items.decode(idle(data, target, everybody=True).items).tolist() == ["y", "z"]


def test_of_whom_nothing_is_held_out_nobody_knows_that_they_bought_nothing():
    """b's held-out item is outside the catalogue; of c, who has too few events, nothing was held out."""
    data = Dataset.from_events(np.array(["a", "a", "b", "c"]), np.array(["w", "x", "y", "z"]), np.arange(4), 10)
    items = np.array([1, 2], dtype=np.int32)
    target = Target(np.array([0, 0]), items, outside=1, unknown_users=0, held_out=np.array([0, 1]))
    assert data.items.decode(idle(data, target, everybody=False).items).tolist() == ["y"]


def test_idle_users_are_drawn_by_the_share_of_buyers_held_out_and_stand_for_all_candidates(trained_shop):
    data = store.load_dataset(trained_shop / layout.SPLIT / layout.VALIDATION_FOLD / store.DATASET)
    config = RankConfig.model_validate(RANKER | {"negatives_per_user": 3})
    hybrid = untrained_hybrid(
        trained_shop, layout.VALIDATION_FOLD, data, config.candidates, config.candidates_per_model, config.retrieval
    )
    users = data.histories.take(np.arange(40))
    each = np.bincount(hybrid.propose(users).rows)

    def drawn(*buyers_held_out):
        return idle_table(hybrid, users, buyers_held_out, config, np.random.default_rng(0))

    found = drawn(100, 10)  # a tenth of 40
    assert (len(np.unique(found.groups)), len(found.labels), found.labels.sum()) == (4, 12, 0)
    assert 4 * each.min() <= found.weights.sum() <= 4 * each.max()
    found = drawn(4, 1)  # a quarter of 40 would be 10: four for each buyer are drawn, and stand for 10
    assert len(np.unique(found.groups)) == 4
    assert 10 * each.min() <= found.weights.sum() <= 10 * each.max() * 1.001
    assert drawn(100, 1) is None
