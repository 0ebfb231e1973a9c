"""Item transition: direction, distance and recency, on histories of a few baskets."""

from __future__ import annotations

import numpy as np
import pytest

from components.cf.item_transition import LINE_BYTES, PAIR_BYTES, ItemTransition, ItemTransitionConfig, followers
from components.core.dataset import DAY_S, Dataset, Histories

RNG = np.random.default_rng(0)


def fitted(users: str, items: str, times: list[int], **options: object) -> np.ndarray:
    data = Dataset.from_events(np.array(list(users)), np.array(list(items)), np.array(times), 100)
    options = {"shrinkage": 0, "half_life_days": None} | options
    return ItemTransition(ItemTransitionConfig(**options)).fit(data, RNG).transitions.toarray()


def test_followers_stay_with_their_user_and_fade_with_distance() -> None:
    expected = [[0, 1, 0.5, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert followers(np.array([0, 0, 0, 4, 4]), window=2, decay=0.5).toarray().tolist() == expected


def test_no_baskets_have_no_followers() -> None:
    assert followers(np.array([], dtype=int), window=3, decay=0.5).shape == (0, 0)


def test_the_memory_foretold_counts_the_pairs_of_baskets_within_the_window() -> None:
    data = Dataset.from_events(np.array(list("uuuv")), np.array(list("abca")), np.array([1, 2, 3, 3]), 100)
    parts = ItemTransition(ItemTransitionConfig(window_baskets=2)).memory(data)  # 1-2, 2-3 and 1-3
    assert parts[0].bytes == 3 * (PAIR_BYTES + LINE_BYTES)
    assert parts[0].remedy == "use a smaller window_baskets (2)"


def test_what_came_later_follows_and_not_the_other_way() -> None:
    assert fitted("uu", "ab", [1, 2]).tolist() == [[0, 1], [0, 0]]


def test_one_basket_is_no_transition() -> None:
    assert not fitted("uu", "ab", [1, 1]).any()


def test_weights_fade_with_the_baskets_in_between_up_to_the_window() -> None:
    row = fitted("uuuu", "abcd", [1, 2, 3, 4], window_baskets=2, basket_decay=0.5)[0]
    assert row == pytest.approx([0, 1, 0.5, 0])


def test_a_repeated_item_follows_itself() -> None:
    assert fitted("uuu", "aaa", [1, 2, 3], window_baskets=1)[0, 0] == pytest.approx(2 / 3)  # two steps, three baskets


def test_later_baskets_and_younger_purchases_weigh_more() -> None:
    data = Dataset.from_events(np.array(list("uuvv")), np.array(list("axby")), np.array([1, 2, 1, 2]), 100)
    config = ItemTransitionConfig(basket_decay=0.5, half_life_days=1, shrinkage=0)
    model = ItemTransition(config).fit(data, RNG)
    now = 10 * DAY_S
    scores = model.score(Histories.of([[0, 1]], [[now - 2 * DAY_S, now - DAY_S]], now))  # a, then b
    assert scores[0] == pytest.approx([0, 0, 0.5 * 0.25, 1 * 0.5])
