"""Popularity and household: counts that are seen by eye."""

from __future__ import annotations

import numpy as np
import pytest

from components.cf.household import Household, HouseholdConfig
from components.cf.popularity import Popularity, PopularityConfig
from components.core.dataset import DAY_S, Dataset, Histories

RNG = np.random.default_rng(0)
# u buys a twice and b; v buys a long ago; w buys c. Days before now: 1, 2, 3 / 100 / 1
DATA = Dataset.from_events(
    np.array(["u", "u", "u", "v", "w"]),
    np.array(["a", "a", "b", "a", "c"]),
    np.array([199, 198, 197, 100, 199]) * DAY_S,
    200 * DAY_S,
)


def test_popularity_counts_users_not_purchases() -> None:
    scores = Popularity().fit(DATA, RNG).score(DATA.histories)
    assert scores.tolist() == [[1, 0.5, 0.5]] * 3


def test_recent_popularity_forgets_what_is_older_than_its_window() -> None:
    model = Popularity(PopularityConfig(window_days=1.5)).fit(DATA, RNG)
    assert model.score(DATA.histories.take(np.array([0]))).tolist() == [[1, 0, 1]]


def test_popularity_of_an_empty_window_is_zero_for_all() -> None:
    model = Popularity(PopularityConfig(window_days=0.5)).fit(DATA, RNG)
    assert not model.score(DATA.histories).any()


def test_decayed_popularity_counts_each_user_s_last_purchase_by_its_age() -> None:
    scores = Popularity(PopularityConfig(half_life_days=1)).fit(DATA, RNG).popularity
    assert scores == pytest.approx([1, 0.25, 1], abs=1e-6)  # a: 1 day ago, b: 3 days ago, c: 1 day ago


def test_a_falling_item_loses_to_a_rising_one_by_trend() -> None:
    users, items = np.array(list("tuvwxy")), np.array(list("aaabab"))
    days = np.array([9, 9, 9, 9, 1, 1])  # a: 3 users, then 1; b: 1 user, then 1
    data = Dataset.from_events(users, items, (20 - days) * DAY_S, 20 * DAY_S)
    assert Popularity(PopularityConfig(window_days=5, trend=0.5)).fit(data, RNG).popularity.tolist() == [0, 1]


def test_a_trend_without_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="set window_days"):
        PopularityConfig(trend=1)


def test_household_without_a_half_life_is_the_plain_frequency() -> None:
    model = Household(HouseholdConfig(half_life_days=None)).fit(DATA, RNG)
    assert model.score(DATA.histories).tolist() == [[2, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_household_halves_a_purchase_per_half_life() -> None:
    model = Household(HouseholdConfig(half_life_days=10)).fit(DATA, RNG)
    twice_then_once = Histories.of([[0, 0, 1]], [[180 * DAY_S, 180 * DAY_S, 190 * DAY_S]], 200 * DAY_S)
    assert model.score(twice_then_once).tolist() == [[0.5, 0.5, 0]]
