"""The consensus of models beside the trees: planted weights, known orders, how much it counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.core.config import parse
from components.ranking.consensus import Consensus, ConsensusConfig, joined, lines
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.ranking.training import RankConfig, Table, consensus

NAMES = ["bought", "strength.ease", "strength.noise", "rank.ease"]
HALF = Consensus(
    ["strength.ease"], had=[1.0, 2.0], new=[-3.0, 4.0], had_line=(0.5, 1.5), new_line=(-1.0, 0.5), trees_share=0.5
)


def planted(users: int, draw: np.random.Generator) -> Table:
    """20 candidates a user, every other one had; log odds are −1 + 2·ease for those, −3 + 4·ease for new ones."""
    n = 20 * users
    had, ease = np.arange(n) % 2, draw.random(n)
    odds = np.where(had, -1 + 2 * ease, -3 + 4 * ease)
    features = np.column_stack((had, ease, draw.random(n), 1 + 19 * (1 - ease))).astype(np.float32)
    labels = (draw.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    return Table(NAMES, features, labels, np.repeat(2 * np.arange(users), 20), np.ones(n, np.float32), 1.0)


def fitted(table: Table, **more) -> tuple[Lambdamart, np.ndarray]:
    held_out = table.groups >= 0.8 * table.groups.max()
    config = LambdamartConfig(trees=10, threads=1, **more)
    return Lambdamart(config).fit(table.features, table.labels, table.groups, held_out, NAMES, 1), held_out


def test_the_weights_that_made_the_purchases_are_found_for_items_had_and_new_ones():
    table = planted(1000, np.random.default_rng(2))
    found = joined(NAMES, table.features, table.labels > 0, table.weights)
    assert found["had"] == pytest.approx([-1, 2, 0], abs=0.2) and found["new"] == pytest.approx([-3, 4, 0], abs=0.3)


def test_no_model_counts_against_an_item():
    table = planted(300, np.random.default_rng(2))
    turned = table.features.copy()
    turned[:, 1] = 1 - turned[:, 1]
    found = joined(NAMES, turned, table.labels > 0, table.weights)
    assert found["had"][1] == found["new"][1] == 0


def test_a_kind_of_which_too_few_were_bought_takes_the_weights_of_both():
    table = planted(300, np.random.default_rng(2))
    bought = (table.labels > 0) & (table.features[:, 0] > 0)  # no new item was
    found = joined(NAMES, table.features, bought, table.weights)
    assert found["new"][0] < found["had"][0]
    assert joined(NAMES, table.features, np.zeros(len(bought), bool), table.weights) == {}
    assert lines(np.zeros(4), np.arange(4) < 2, np.zeros(4, bool), np.ones(4)) == {}


def test_a_score_is_half_the_trees_log_odds_and_half_the_models():
    features = np.array([[1, 0.5, 0, 1], [0, 0.5, 0, 1]], dtype=np.float32)
    told = HALF.score(np.array([2.0, 2.0]), NAMES, features)
    assert told == pytest.approx(
        [0.5 * (0.5 + 1.5 * 2) + 0.5 * (1 + 2 * 0.5), 0.5 * (-1 + 0.5 * 2) + 0.5 * (-3 + 4 * 0.5)]
    )


def test_the_order_of_one_model_alone_is_that_model_s_and_another_one_orders_its_equals():
    features = np.array([[1, 0.2, 0, 1], [0, 0.9, 0, 1], [1, 0.2, 0.8, 1]], dtype=np.float32)
    told = Consensus.only("ease", "noise").score(np.array([9.0, 1.0, 5.0]), NAMES, features)
    assert np.argsort(-told).tolist() == [1, 2, 0]


@pytest.mark.parametrize(("users", "least", "most"), [(40, 0.1, 0.2), (2000, 0.85, 0.95)])
def test_the_more_was_bought_the_more_the_trees_count(users, least, most):
    table = planted(users, np.random.default_rng(3))
    found = consensus(ConsensusConfig(), *_with(table))
    assert least < found.trees_share < most


def test_where_nobody_is_held_out_the_trees_take_the_spread_of_the_models_on_lists_of_new_items():
    table = planted(200, np.random.default_rng(3))
    table = replace(table.keep(table.features[:, 0] == 0), groups=table.groups[table.features[:, 0] == 0] + 1)
    nobody = np.zeros(len(table.groups), bool)
    ranker = Lambdamart(LambdamartConfig(trees=10, threads=1, patience=None))
    ranker.fit(table.features, table.labels, table.groups, nobody, NAMES, 1)
    trees = ranker.predict(table.features)
    found = consensus(ConsensusConfig(evidence=float(table.labels.sum())), ranker, table, nobody)
    models = found.of_models(NAMES, table.features)
    level, slope = found.new_line
    assert found.trees_share == 0.5
    assert np.std(level + slope * trees) == pytest.approx(np.std(models), rel=1e-4)
    assert np.mean(level + slope * trees) == pytest.approx(np.mean(models), abs=1e-4)
    assert found.score(trees, NAMES, table.features) == pytest.approx((level + slope * trees + models) / 2, abs=1e-4)


def _with(table):
    ranker, held_out = fitted(table)
    return ranker, table, held_out


def test_without_the_section_or_with_too_little_bought_the_trees_decide_alone():
    table = planted(100, np.random.default_rng(4))
    assert (
        consensus(parse(RankConfig, {"candidates": ["ease"], "consensus": None}, "rank").consensus, *_with(table))
        is None
    )
    table.labels[np.flatnonzero(table.labels)[:-5]] = 0
    assert consensus(ConsensusConfig(), *_with(table)) is None


def test_contributions_and_one_constant_make_the_score_also_after_save_and_load(tmp_path):
    table = planted(100, np.random.default_rng(4))
    ranker, held_out = fitted(table)
    ranker.consensus = consensus(ConsensusConfig(), ranker, table, held_out)
    scores = ranker.predict(table.features)
    rest = scores - ranker.contributions(table.features).sum(axis=1)
    assert rest == pytest.approx(np.full(len(rest), rest[0]), abs=1e-4)
    ranker.save(tmp_path / "ranker")
    assert np.array_equal(Lambdamart.load(tmp_path / "ranker").predict(table.features), scores)


def test_the_trees_never_fall_with_what_a_model_says():
    """Labels by chance teach free trees a zigzag."""
    draw = np.random.default_rng(5)
    table = planted(60, draw)
    table.labels[:] = draw.random(len(table.labels)) < 0.3
    grid = np.column_stack((np.zeros(50), np.linspace(0, 1, 50), np.full(50, 0.5), np.linspace(20, 1, 50)))
    told = {free: fitted(table, monotone=not free)[0].predict(grid.astype(np.float32)) for free in (True, False)}
    assert (np.diff(told[True]) < 0).any()
    assert (np.diff(told[False]) >= 0).all()
