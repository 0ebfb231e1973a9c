"""Fast features on two users whose past fits on a hand."""

import numpy as np
import pytest

from components.core.dataset import DAY_S, Histories
from components.features.history import FOREVER_DAYS, Groups, pair_features, user_features

NOW = 100 * DAY_S
# User 0: item 0 on days 60, 80 and 90, item 1 with it on day 90. User 1: nothing.
PAST = Histories.of([[0, 0, 0, 1], []], [[60 * DAY_S, 80 * DAY_S, 90 * DAY_S, 90 * DAY_S], []], NOW)
GROUPS = [Groups("category", np.array([0, 0, 1], dtype=np.int32))]


def of(row, item):
    found = pair_features(PAST, 3, np.array([row]), np.array([item]), GROUPS)
    return {name: float(values[0]) for name, values in found.items()}


def test_counts_ages_and_rhythm_of_a_repeated_item():
    f = of(0, 0)
    assert f["bought"] == 3
    assert f["bought_share"] == 1, "it was in each of three baskets"
    assert f["age_days"] == 10
    assert f["tenure_days"] == 40
    assert f["cadence_days"] == 15
    assert f["overdue"] == pytest.approx(10 / 15)
    assert (f["bought_14d"], f["bought_42d"]) == (1, 3)


def test_an_item_never_bought_is_described_by_its_category():
    f = of(0, 2)
    assert (f["bought"], f["age_days"]) == (0, FOREVER_DAYS)
    assert f["category_bought"] == 0
    assert of(0, 1)["category_bought"] == 4
    assert of(0, 1)["category_share"] == 1


def test_an_empty_history_gives_finite_numbers():
    assert np.isfinite(list(of(1, 0).values())).all()
    users = user_features(PAST)
    assert users["history_baskets"].tolist() == [3, 0]
    assert users["history_idle_days"].tolist() == [10, FOREVER_DAYS]
    assert all(np.isfinite(v).all() for v in users.values())


def test_one_by_one_equals_together():
    rows, items = np.array([0, 0, 0, 1]), np.array([0, 1, 2, 1])
    together = pair_features(PAST, 3, rows, items, GROUPS)
    for at, (row, item) in enumerate(zip(rows, items, strict=True)):
        alone = pair_features(PAST.take([row]), 3, np.array([0]), np.array([item]), GROUPS)
        assert {n: v[at] for n, v in together.items()} == {n: v[0] for n, v in alone.items()}


def test_never_bought_is_older_than_any_purchase_of_a_long_history():
    old = Histories.of([[0]], [[0]], 10 * 366 * DAY_S)
    ages = pair_features(old, 3, np.array([0, 0]), np.array([0, 1]), GROUPS)["age_days"]
    assert ages[0] < ages[1]
