"""Repeat purchase: cadence and recency, on histories whose rhythm is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.cf._repeat_features import demand_of, features_of, habits_of, pairs_of, rhythm_of
from components.cf.repeat_purchase import RepeatPurchase, RepeatPurchaseConfig, _cut
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


def test_features_do_not_depend_on_other_users() -> None:
    data = weekly_and_once()
    rhythm = rhythm_of(pairs_of(data.histories), 6)
    demand = demand_of(data.histories, 6)
    one = data.histories.take(np.array([3]))
    alone = features_of(pairs_of(one), rhythm, demand, habits_of(one))
    every = features_of(pairs_of(data.histories), rhythm, demand, habits_of(data.histories))
    assert alone == pytest.approx(every[pairs_of(data.histories).rows == 3])


def test_demand_is_a_share_of_all_sales_and_its_change_from_window_to_window() -> None:
    days = [200, 60, 20, 10, 3]  # item 0 sells to the end, item 1 stopped 60 days ago
    histories = Histories.of([[0, 1, 0, 0, 0]], [[NOW - d * DAY_S for d in days]], NOW)
    demand = demand_of(histories, 2)
    assert demand[0, 0] == pytest.approx(np.log1p(80_000)) and demand[1, 0] == pytest.approx(np.log1p(20_000))
    assert demand[0, 2] == pytest.approx(np.log1p(100_000) - np.log1p(75_000))  # 28 days against 91
    assert demand[1, 2] == pytest.approx(-np.log1p(25_000)) and demand[1, 3] == 0


def test_habits_tell_baskets_idleness_and_their_size() -> None:
    times = [NOW - 40 * DAY_S, NOW - 40 * DAY_S, NOW - 3 * DAY_S]
    habits = habits_of(Histories.of([[0, 1, 0], []], [times, []], NOW))
    assert np.expm1(habits[0, 1:]).round(6).tolist() == [3, 1, 1.5] and habits[0, 0] == 2
    assert habits[1].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("horizon", "known", "asked"), [(10, [35, 25], [15, 12]), (None, [35, 25, 15], [12])])
def test_a_window_further_back_is_foretold_from_the_time_before_it_alone(horizon, known, asked) -> None:
    days = [35, 25, 15, 12, 5]
    histories = Histories.of([[0] * 5], [[NOW - d * DAY_S for d in days]], NOW)
    earlier, later = _cut(histories, horizon, 1)
    assert ((NOW - earlier.times) / DAY_S).tolist() == known and ((NOW - later.times) / DAY_S).tolist() == asked
    assert earlier.now == (NOW if horizon is None else NOW - 20 * DAY_S)


def test_several_windows_temper_what_the_last_one_had_of_its_own() -> None:
    """Item "a" is bought every week but in the last window, item "b" only in two of three weeks, also then."""
    rows = [(f"u{u:02}", "a", NOW - (7 * week + 1) * DAY_S - u) for u in range(40) for week in range(4, 40)]
    rows += [(f"u{u:02}", "b", NOW - (7 * w + 2) * DAY_S - u) for u in range(40) for w in range(40) if (w + u) % 3]
    users, items, times = map(np.array, zip(*rows, strict=True))
    data = Dataset.from_events(users, items, times, NOW)
    chance = {}
    for windows in (1, 4):
        model = RepeatPurchase(RepeatPurchaseConfig(windows=windows, horizon_days=28)).fit(data, RNG)
        back = data.histories.keep(data.histories.times < NOW - 28 * DAY_S)  # as things stood before the last window
        chance[windows] = model.score(replace(back, now=NOW - 28 * DAY_S))[:, 0].mean()
    assert chance[1] < 0.01 < 0.1 < chance[4]
