"""Contrastive pre-training: what the views are, what the loss says, and that it learns before the training does."""

from __future__ import annotations

import numpy as np
import pytest

from components.core.baskets import baskets_of
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.errors import DataError
from components.deep.sasrec import SasRec, SasRecConfig

pytestmark = pytest.mark.slow  # TensorFlow
TEN = Histories.of([list(range(10)), [20, 21]], [list(range(10)), [0, 1]], 100)
ROWS, ENDS, LENGTH = np.array([0, 1]), np.array([10, 12]), 12


def views(kind: int, seed: int) -> list[list[int]]:
    """The two users' changed windows as lists of items; -1 for an empty slot."""
    from components.deep._contrast import view

    kinds = np.full(2, kind)
    windows = view(baskets_of(TEN), ROWS, ENDS, LENGTH, kinds, np.random.default_rng(seed))
    slots = np.full(2 * LENGTH, -1)
    slots[windows.slots] = windows.items
    return slots.reshape(2, LENGTH).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_crop_is_a_run_of_the_history_at_the_right_end(seed: int) -> None:
    from components.deep._contrast import CROP

    first, second = views(CROP, seed)
    run = [item for item in first if item >= 0]
    assert len(run) == 6 and run == list(range(run[0], run[0] + 6)) and first[-6:] == run
    assert second == [-1] * 10 + [20, 21]


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_leaves_baskets_out_where_they_were_and_never_the_last(seed: int) -> None:
    from components.deep._contrast import MASK

    first, second = views(MASK, seed)
    assert all(item in (-1, place - 2) for place, item in enumerate(first)) and first[-1] == 9
    assert sum(item >= 0 for item in first) > 3 and second[-1] == 21


def test_a_reordering_keeps_every_basket_and_all_places_but_those_of_one_run() -> None:
    from components.deep._contrast import REORDER

    found = [views(REORDER, seed)[0] for seed in range(5)]
    for first in found:
        moved = [place for place in range(10) if first[place + 2] != place]
        assert sorted(first[2:]) == list(range(10)) and (not moved or moved[-1] - moved[0] < 6)
    assert any(first[2:] != list(range(10)) for first in found)


def test_the_loss_is_that_of_guessing_where_all_is_alike_and_near_nothing_where_only_views_are() -> None:
    import tensorflow as tf

    from components.deep._contrast import likeness_loss

    same = likeness_loss(tf.ones((8, 3)), 0.2)
    apart = likeness_loss(tf.concat([tf.eye(4), tf.eye(4)], axis=0), 0.05)
    assert float(same) == pytest.approx(np.log(7), abs=1e-5)
    assert float(apart) < 1e-6


def test_it_is_off_by_default_and_learns_to_tell_users_apart_before_the_training() -> None:
    draw = np.random.default_rng(5)
    rows = [(u, 5 * (u % 6) + draw.integers(5), day) for u in range(60) for day in range(8)]
    user, item, day = np.array(rows).T
    data = Dataset.from_events(user.astype(str), np.char.zfill(item.astype(str), 2), day * DAY_S, 9 * DAY_S)
    tiny = {"embedding_size": 8, "max_length": 6, "epochs": 2, "queries": 64, "negatives": 20}
    tiny |= {"learning_rate": 0.01, "dropout": 0.1}
    plain, one, two = (
        SasRec(SasRecConfig(**tiny, **more)).fit(data, np.random.default_rng(0))
        for more in ({}, {"contrast_epochs": 10}, {"contrast_epochs": 10})
    )
    assert "contrast_loss" not in plain.curves() and SasRecConfig().contrast_epochs == 0
    losses = one.curves()["contrast_loss"]
    assert len(losses) == 10 and np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    assert all(np.array_equal(one.weights[name], two.weights[name]) for name in one.weights)
    assert any(not np.array_equal(one.weights[name], plain.weights[name]) for name in one.weights)


def test_where_no_two_users_can_be_told_apart_it_says_so() -> None:
    user, item = np.array(["u", "u", "v"]), np.array(["a", "b", "c"])
    data = Dataset.from_events(user, item, np.array([1, 2, 1]) * DAY_S, 9 * DAY_S)
    config = SasRecConfig(embedding_size=8, max_length=6, epochs=1, contrast_epochs=2, best_by="last")
    with pytest.raises(DataError, match="contrast_epochs: 2 tells users apart, and no two have two baskets"):
        SasRec(config).fit(data, np.random.default_rng(0))
