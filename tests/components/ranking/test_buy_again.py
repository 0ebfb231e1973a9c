"""Log odds from the trees' scores and a repeat model's probabilities: planted lines, known orders."""

from __future__ import annotations

import numpy as np
import pytest

from components.core.config import parse
from components.core.errors import ConfigError
from components.ranking.buy_again import BuyAgain, BuyAgainConfig
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.ranking.training import RankConfig, Table, buy_again

NAMES = ["score.repeat", "noise"]
LINES = BuyAgain("score.repeat", 0.75, had=(-1.0, 2.0), new=(-4.0, 1.0))


def planted(n: int = 20_000) -> tuple[np.ndarray, ...]:
    """Scores, chances, what was bought, weights: log odds are −1 + 2·score for items had, −4 + score for new ones."""
    draw = np.random.default_rng(4)
    scores, had = draw.normal(size=n), draw.random(n) < 0.5
    odds = np.where(had, -1 + 2 * scores, -4 + scores)
    return scores, np.where(had, 0.5, 0), draw.random(n) < 1 / (1 + np.exp(-odds)), np.ones(n)


def ranker_on(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Lambdamart:
    config = LambdamartConfig(trees=5, min_child_weight=0, threads=1)
    return Lambdamart(config).fit(features, labels, groups, groups >= groups.max() - 1, NAMES, 1)


@pytest.fixture(scope="module")
def table() -> Table:
    """60 users of 20 candidates, ten of them had before; what is bought follows the repeat model's chance."""
    draw = np.random.default_rng(6)
    chances = np.where(np.arange(1200) % 20 < 10, draw.uniform(0.05, 0.95, 1200), 0)
    features = np.column_stack((chances, draw.normal(size=1200))).astype(np.float32)
    labels = (draw.random(1200) < np.where(chances > 0, chances, 0.2)).astype(np.int8)
    groups = np.repeat(2 * np.arange(60), 20)
    return Table(NAMES, features, labels, groups, np.ones(1200, np.float32), 1.0)


def test_the_lines_that_made_the_purchases_are_found_for_each_kind() -> None:
    found = BuyAgain.fit(BuyAgainConfig(model="repeat"), *planted())
    assert found.had == pytest.approx((-1, 2), abs=0.15) and found.new == pytest.approx((-4, 1), abs=0.25)


def test_a_pair_that_stands_for_many_counts_as_many() -> None:
    scores, chances, bought, _ = planted(4000)
    few = np.where(bought, 1, 3)
    many = [np.repeat(column, few) for column in (scores, chances, bought)]
    weighted = BuyAgain.fit(BuyAgainConfig(model="repeat"), scores, chances, bought, few)
    repeated = BuyAgain.fit(BuyAgainConfig(model="repeat"), *many, np.ones(few.sum()))
    assert weighted.had == pytest.approx(repeated.had) and weighted.new == pytest.approx(repeated.new)


def test_scores_are_log_odds_and_the_repeat_model_leads_among_items_had() -> None:
    scores = LINES.score(np.array([0.0, 3.0, 3.0]), np.array([0.5, 0.5, 0.0], dtype=np.float32))
    assert scores == pytest.approx([0.25 * -1, 0.25 * (-1 + 6), -4 + 3])  # a chance of one half has log odds of 0


def test_the_order_of_new_items_is_the_trees_own() -> None:
    trees = np.array([0.3, -2.0, 1.4, 0.9])
    assert np.argsort(LINES.score(trees, np.zeros(4))).tolist() == np.argsort(trees).tolist()


def test_where_too_little_was_bought_nothing_is_claimed() -> None:
    scores, chances, bought, weights = planted(400)
    bought = bought & (chances > 0)  # no new item was bought
    assert BuyAgain.fit(BuyAgainConfig(model="repeat"), scores, chances, bought, weights) is None


def test_a_model_without_probabilities_is_refused_by_name() -> None:
    scores, chances, bought, weights = planted(400)
    with pytest.raises(ConfigError, match=r"rank.buy_again.model: als gives scores outside 0 … 1"):
        BuyAgain.fit(BuyAgainConfig(model="als"), scores, chances * 7, bought, weights)


def test_a_model_that_proposes_nothing_is_refused_by_name(table: Table) -> None:
    with pytest.raises(ConfigError, match=r"ease is not one of rank\.candidates"):
        buy_again(BuyAgainConfig(model="ease"), Lambdamart(), table, np.ones(1200, dtype=bool))


def test_without_the_section_the_trees_decide_alone(table: Table) -> None:
    config = parse(RankConfig, {"candidates": ["popularity"]}, "rank")
    assert buy_again(config.buy_again, Lambdamart(), table, np.ones(1200, dtype=bool)) is None


def test_contributions_and_one_constant_make_the_score_also_after_save_and_load(tmp_path, table: Table) -> None:
    ranker = ranker_on(table.features, table.labels, table.groups)
    ranker.buy_again = buy_again(BuyAgainConfig(model="repeat"), ranker, table, np.ones(1200, dtype=bool))
    scores = ranker.predict(table.features)
    rest = scores - ranker.contributions(table.features).sum(axis=1)
    assert rest == pytest.approx(np.full(1200, rest[0]), abs=1e-4)
    ranker.save(tmp_path / "ranker")
    assert np.array_equal(Lambdamart.load(tmp_path / "ranker").predict(table.features), scores)


def test_new_items_move_with_their_trees_along_their_line(table: Table) -> None:
    ranker = ranker_on(table.features, table.labels, table.groups)
    alone = ranker.predict(table.features)
    ranker.buy_again = LINES
    new = table.features[:, 0] == 0
    assert ranker.predict(table.features)[new] == pytest.approx(-4 + alone[new], abs=1e-5)
