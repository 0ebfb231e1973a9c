"""Repeat purchase: cadence and recency, on histories whose rhythm is planted."""

from __future__ import annotations

import numpy as np
import pytest

from components.cf._repeat_features import features_of, pairs_of, rhythm_of
from components.cf.repeat_purchase import RepeatPurchase, RepeatPurchaseConfig, logistic
from components.core.dataset import DAY_S, Dataset, Histories

RNG = np.random.default_rng(0)
NOW = 1000 * DAY_S


def weekly_and_once(users: int = 40) -> Dataset:
    """Everybody buys item "m" every week; and one item of their own choice, once, in the last weeks."""
    rows = [(f"u{u:02}", "m", NOW - (7 * week + 1) * DAY_S - u) for u in range(users) for week in range(20)]
    rows += [(f"u{u:02}", f"x{u % 5}", NOW - (30 + u) * DAY_S) for u in range(users)]
    users_, items, times = map(np.array, zip(*rows, strict=True))
    return Dataset.from_events(users_, items, times, NOW)


def test_pairs_count_baskets_and_days() -> None:
    days = [[10, 10, 4, 1]]
    pairs = pairs_of(Histories.of([[0, 0, 1, 0]], [[NOW - d * DAY_S for d in days[0]]], NOW))
    assert pairs.items.tolist() == [0, 1]
    assert pairs.baskets.tolist() == [2, 1]  # twice in one basket is once
    assert pairs.first.tolist() == [10, 4] and pairs.last.tolist() == [1, 4]
    assert pairs.since.tolist() == [0, 1]


def test_an_item_s_rhythm_is_its_share_of_repeats_and_its_usual_gap() -> None:
    pairs = pairs_of(weekly_and_once().histories)
    rhythm = rhythm_of(pairs, 6)
    assert rhythm.repeats[0] == pytest.approx(0.95, abs=0.01) and (rhythm.repeats[1:] < 0.6).all()
    assert np.expm1(rhythm.gap[0]) == pytest.approx(7, abs=0.1)


def test_the_weekly_item_is_due_and_the_item_bought_once_is_not() -> None:
    data = weekly_and_once()
    scores = RepeatPurchase().fit(data, RNG).score(data.histories)
    once = scores[data.histories.rows, data.histories.items][data.histories.items != 0]
    assert (scores[:, 0] > 0.9).all() and (once < 0.1).all()


def test_with_nothing_to_learn_from_the_latest_purchase_comes_first() -> None:
    data = Dataset.from_events(
        np.array(["u", "u"]), np.array(["a", "b"]), np.array([NOW - 9 * DAY_S, NOW - DAY_S]), NOW
    )
    scores = RepeatPurchase(RepeatPurchaseConfig(horizon_days=0.1)).fit(data, RNG).score(data.histories)
    assert scores[0, 1] > scores[0, 0] > 0


def test_newton_finds_the_weights_that_made_the_outcomes() -> None:
    draw = np.random.default_rng(3)
    design = np.column_stack((np.ones(20_000), draw.normal(size=(20_000, 2))))
    outcome = draw.random(20_000) < 1 / (1 + np.exp(-design @ [-1, 2, 0]))
    assert logistic(design, outcome, 1e-3) == pytest.approx([-1, 2, 0], abs=0.1)


def test_features_do_not_depend_on_other_users() -> None:
    data = weekly_and_once()
    rhythm = rhythm_of(pairs_of(data.histories), 6)
    one = data.histories.take(np.array([3]))
    alone = features_of(pairs_of(one), rhythm, np.array([21]))
    every = features_of(pairs_of(data.histories), rhythm, np.full(40, 21))
    assert alone == pytest.approx(every[pairs_of(data.histories).rows == 3])
