"""Popularity by category: shares that are worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.cf.category_popularity import CategoryPopularity, CategoryPopularityConfig
from components.core.content import ItemContent
from components.core.dataset import DAY_S, Dataset, Histories

RNG = np.random.default_rng(0)
NOW = 200 * DAY_S
# Items in the order of their names; buyers of each: a 3, b 1 (dairy) · c 2 (bread) · d 1 (no category).
PAIRS = [("u", "a"), ("v", "a"), ("w", "a"), ("u", "b"), ("v", "c"), ("w", "c"), ("w", "d")]
DAIRY, BREAD = 0, 1
PLAIN = {"half_life_days": None, "history_half_life_days": None}


def shop(days_ago: list[float] | None = None, codes: dict[str, np.ndarray] | None = None) -> Dataset:
    users, items = (np.array(column) for column in zip(*PAIRS, strict=True))
    times = NOW - (np.array(days_ago or [1.0] * len(PAIRS)) * DAY_S).astype(np.int64)
    codes = {"category": np.array([DAIRY, DAIRY, BREAD, -1], np.int32)} if codes is None else codes
    content = ItemContent(np.zeros((4, 0), np.float32), codes)
    return replace(Dataset.from_events(users, items, times, NOW), content=content)


def scores(data: Dataset, history: list[int], **options: object) -> list[float]:
    model = CategoryPopularity(CategoryPopularityConfig(**(PLAIN | options))).fit(data, RNG)
    return model.score(Histories.of([history], [[NOW - DAY_S] * len(history)], NOW))[0].tolist()


def test_a_user_s_shares_of_categories_meet_the_items_shares_of_their_buyers() -> None:
    # three of four purchases are dairy, where a has three of four buyers; c is all there is of bread
    assert scores(shop(), [1, 1, 1, 2]) == pytest.approx([3 / 4 * 3 / 4, 3 / 4 * 1 / 4, 1 / 4, 0])


def test_items_without_a_category_are_one_of_their_own() -> None:
    assert scores(shop(), [3]) == [0, 0, 0, 1]


def test_without_a_history_it_is_popularity() -> None:
    assert scores(shop(), []) == pytest.approx([3 / 7, 1 / 7, 2 / 7, 1 / 7])


@pytest.mark.parametrize("data", [shop(codes={}), replace(shop(), content=None)], ids=["others", "nothing"])
def test_without_categories_it_is_popularity(data: Dataset) -> None:
    assert scores(data, [2]) == pytest.approx([3 / 7, 1 / 7, 2 / 7, 1 / 7])


def test_what_was_bought_long_ago_counts_less() -> None:
    data = shop(days_ago=[11, 11, 11, 1, 1, 1, 1])  # b a day ago, a eleven
    a, b, *_ = scores(data, [1], half_life_days=10)
    assert a == pytest.approx(3 / 5, abs=1e-6) and b == pytest.approx(2 / 5, abs=1e-6)  # 3 · ½ against 1


def test_only_the_best_sellers_of_a_category_are_proposed() -> None:
    assert scores(shop(), [1, 2], items_per_group=1) == pytest.approx([1 / 2 * 3 / 4, 0, 1 / 2, 0])


def test_a_user_whose_purchases_are_too_old_to_count_is_one_without_any() -> None:
    model = CategoryPopularity(CategoryPopularityConfig(history_half_life_days=7)).fit(shop(), RNG)
    old, none = Histories.of([[2]], [[NOW - 945 * DAY_S]], NOW), Histories.of([[]], [[]], NOW)
    assert np.isfinite(model.score(old)).all()
    assert model.score(old) == pytest.approx(model.score(none))


def test_a_group_that_no_item_has_is_told_with_what_may_have_been_meant() -> None:
    model = CategoryPopularity(CategoryPopularityConfig(group="categroy")).fit(shop(), RNG)
    (remark,) = model.remarks()
    assert "items have no categroy, so it is popularity; did you mean 'category'?" in remark
    assert not CategoryPopularity().fit(shop(), RNG).remarks()
    assert not CategoryPopularity().fit(shop(codes={}), RNG).remarks(), "a shop without groups knows"
