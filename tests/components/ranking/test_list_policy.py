"""What a policy does to a list, on six items that can be checked by eye."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.config import parse
from components.core.errors import ConfigError
from components.ranking.list_policy import ListPolicy, ListPolicyConfig, Shelf
from components.ranking.order import Order, best
from components.retrieval.evidence import Common

IDS = ["apple", "pear", "plum", "soap", "brush", "salt"]
INDEX = {item: at for at, item in enumerate(IDS)}
FRUIT, BATH, FOOD = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
SHELF = Shelf(
    vectors=np.array([FRUIT, FRUIT, FRUIT, BATH, BATH, FOOD], dtype=np.float32),
    groups={"department": np.array([0, 0, 0, 1, 1, 2], dtype=np.int32)},
    popularity=np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.05]),
    price=np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan]),
    stock=np.array([10, 0, np.nan, 1, 1, 1]),
)
RANKED, SCORES = np.arange(6), np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])


def ordered(scores: np.ndarray, without: int | None = None) -> Order:
    """These scores as an order; without: an item that may not stand."""
    allowed = np.arange(len(scores)) != without
    popular = Common(np.zeros(len(scores), dtype=np.float32))
    return Order(np.arange(len(scores)), scores, popular, np.float32(scores.min() - 2), None, allowed)


def listed(k: int = 6, **options: object) -> list[str]:
    found = ListPolicy(ListPolicyConfig(**options), SHELF, INDEX).arrange(RANKED, SCORES, k)
    return [IDS[at] if at >= 0 else "-" for at in found]


def test_without_wishes_the_list_is_the_rankers() -> None:
    assert listed() == IDS
    assert ListPolicy(ListPolicyConfig(), SHELF, INDEX).plain


def test_a_little_diversity_brings_another_shelf_up() -> None:
    assert listed(3) == ["apple", "pear", "plum"]
    assert listed(3, diversity=0.5) == ["apple", "soap", "salt"]


def test_novelty_alone_ranks_the_least_known_first() -> None:
    assert set(listed(2, novelty=1.0)) == {"brush", "salt"}


def test_a_cap_holds_over_the_whole_list() -> None:
    assert listed(4, max_per_group={"department": 1}) == ["apple", "soap", "salt", "-"]


def test_pins_stand_where_they_are_declared_and_only_once() -> None:
    pins = [{"item_id": "salt", "position": 2}, {"item_id": "soap", "position": 1}]
    assert listed(4, pins=pins) == ["soap", "salt", "apple", "pear"]


def test_a_pin_counts_among_its_group_and_what_stands_beside_it_is_unlike_it() -> None:
    pins = [{"item_id": "pear", "position": 2}]
    assert listed(3, pins=pins, max_per_group={"department": 1}) == ["soap", "pear", "salt"]
    assert listed(2, pins=pins, diversity=0.5) == ["soap", "pear"]
    assert listed(3, pins=[{"item_id": "pear", "position": 9}], max_per_group={"department": 1}) == [
        "apple",
        "soap",
        "salt",
    ]


def test_a_pin_beyond_the_list_does_not_shorten_it() -> None:
    assert listed(3, pins=[{"item_id": "salt", "position": 9}]) == ["apple", "pear", "plum"]


def test_bans_stock_and_price_band_take_items_out() -> None:
    def left(**options: object) -> list[str]:
        return [IDS[at] for at in np.flatnonzero(ListPolicy(ListPolicyConfig(**options), SHELF, INDEX).allowed())]

    assert left(bans=["apple", "salt"]) == ["pear", "plum", "soap", "brush"]
    assert left(in_stock=True) == ["apple", "plum", "soap", "brush", "salt"]
    assert left(price_min=2, price_max=4) == ["pear", "plum", "soap"]


def test_names_the_catalogue_does_not_know_are_told() -> None:
    policy = ListPolicy(ListPolicyConfig(bans=["hat"], pins=[{"item_id": "shoe", "position": 1}]), SHELF, INDEX)
    assert policy.unknown == ["hat", "shoe"]
    assert policy.arrange(RANKED, SCORES, 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"diversity": 0.7, "novelty": 0.7}, "leave nothing for relevance"),
        ({"price_min": 5, "price_max": 4}, "price_min 5 is above price_max 4"),
        ({"max_per_group": {"department": 0}}, "use bans to leave items out"),
        ({"pins": [{"item_id": "a", "position": 1}, {"item_id": "b", "position": 1}]}, "named twice"),
        ({"pins": [{"item_id": "a", "position": 1}], "bans": ["a"]}, "pins and bans both name a"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(options: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(ListPolicyConfig, options, "policy")


def test_a_wish_that_the_catalogue_cannot_serve_is_refused() -> None:
    bare = Shelf(SHELF.vectors, SHELF.groups, SHELF.popularity)
    with pytest.raises(ValueError, match="the items have no stock"):
        ListPolicy(ListPolicyConfig(in_stock=True), bare, INDEX)
    with pytest.raises(ValueError, match="max_per_group names brand; the catalogue's groups: department"):
        ListPolicy(ListPolicyConfig(max_per_group={"brand": 1}), bare, INDEX)


@given(
    st.lists(st.integers(0, 5), unique=True, max_size=6),
    st.integers(1, 8),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.integers(1, 3),
)
def test_a_list_holds_no_item_twice_and_breaks_no_cap(
    items: list[int], k: int, diversity: float, novelty: float, cap: int
) -> None:
    config = ListPolicyConfig(diversity=diversity, novelty=novelty, max_per_group={"department": cap})
    found = ListPolicy(config, SHELF, INDEX).arrange(np.array(items, dtype=int), np.arange(len(items), 0.0, -1), k)
    held = found[found >= 0]
    assert len(found) == k and len(set(held)) == len(held) and set(held) <= set(items)
    assert np.bincount(SHELF.groups["department"][held], minlength=1).max(initial=0) <= cap
    assert (found >= 0).tolist() == sorted((found >= 0).tolist(), reverse=True)


def test_caps_that_leave_the_first_ones_short_are_filled_from_further_down() -> None:
    n = 200  # nine tenths are of one group, and they are the best
    groups = {"department": (np.arange(n) // 180).astype(np.int32)}
    shelf = Shelf(np.zeros((n, 2), dtype=np.float32), groups, np.full(n, 1 / n))
    policy = ListPolicy(ListPolicyConfig(max_per_group={"department": 2}), shelf, {})
    assert best(ordered(-np.arange(n, dtype=np.float32)), 4, policy)[0].tolist() == [0, 1, 180, 181]


def test_a_pin_stands_nowhere_where_its_item_must_not() -> None:
    policy = ListPolicy(ListPolicyConfig(pins=[{"item_id": "salt", "position": 1}]), SHELF, INDEX)
    assert best(ordered(SCORES), 2, policy)[0].tolist() == [5, 0]
    assert best(ordered(SCORES, without=5), 2, policy)[0].tolist() == [0, 1]


def test_what_a_request_asks_for_counts_and_the_declared_wish_gives_way() -> None:
    declared = ListPolicy(ListPolicyConfig(novelty=0.6, bans=["plum"]), SHELF, INDEX)
    asked = declared.asked(diversity=0.7, novelty=None)
    assert (asked.config.diversity, asked.config.novelty) == (0.7, pytest.approx(0.3))
    assert declared.asked(None, None) is declared
    assert not asked.allowed()[INDEX["plum"]]
    assert declared.asked(0.0, 0.0).config == ListPolicyConfig(bans=["plum"])
