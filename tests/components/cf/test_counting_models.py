"""Popularity and household: counts that are seen by eye."""

from __future__ import annotations

import numpy as np

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


def test_household_without_a_half_life_is_the_plain_frequency() -> None:
    model = Household(HouseholdConfig(half_life_days=None)).fit(DATA, RNG)
    assert model.score(DATA.histories).tolist() == [[2, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_household_halves_a_purchase_per_half_life() -> None:
    model = Household(HouseholdConfig(half_life_days=10)).fit(DATA, RNG)
    twice_then_once = Histories.of([[0, 0, 1]], [[180 * DAY_S, 180 * DAY_S, 190 * DAY_S]], 200 * DAY_S)
    assert model.score(twice_then_once).tolist() == [[0.5, 0.5, 0]]
