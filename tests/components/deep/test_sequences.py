"""Windows and targets on literal data, seen by eye; nothing of the future reaches a window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.baskets import baskets_of
from components.core.dataset import Histories
from components.deep._config import SequenceConfig
from components.deep._later import kept_back
from components.deep._sequences import last_windows, targets_after, targets_of, training_batches, windows_of

NOW = 100
# The first user buys {1, 2}, {2}, {3, 1}; the second nothing; the third {4}.
THREE = Histories.of([[1, 2, 2, 3, 1], [], [4]], [[10, 10, 20, 30, 30], [], [15]], NOW)


def test_a_window_holds_the_last_baskets_at_its_right_end() -> None:
    windows = windows_of(baskets_of(THREE), rows=np.array([0, 2]), ends=np.array([2, 4]), length=3)
    assert windows.sizes.tolist() == [[0, 2, 1], [0, 0, 1]]
    assert windows.items.tolist() == [1, 2, 2, 4]
    assert windows.slots.tolist() == [1, 1, 2, 5]


def test_the_last_windows_take_no_more_slots_than_they_need() -> None:
    windows = last_windows(THREE, length=50)
    assert windows.sizes.tolist() == [[2, 1, 2], [0, 0, 0], [0, 0, 1]]
    assert last_windows(THREE, length=1).items.tolist() == [3, 1, 4]


def test_a_basket_vector_is_the_sum_of_its_items_over_the_root_of_their_number() -> None:
    vectors = np.eye(5, dtype=np.float32)
    found = last_windows(THREE, length=2).basket_vectors(vectors)
    assert found[0, 0].tolist() == [0, 0, 1, 0, 0]
    assert found[0, 1] == pytest.approx(np.array([0, 1, 0, 1, 0]) / np.sqrt(2))
    assert not found[1].any()


def test_targets_are_the_lines_of_the_baskets_asked_for_with_repeats_weighted_down() -> None:
    targets = targets_of(baskets_of(THREE), np.array([1]), after=np.array([1]), until=np.array([3]), repeat_weight=0.5)
    assert targets.items.tolist() == [2, 3, 1]
    assert targets.query.tolist() == [0, 0, 0]
    assert targets.weights.tolist() == [0.5, 1, 0.5]


def of_last(histories: Histories, baskets: list[int]) -> np.ndarray:
    """bool (events,): the events of each user's last so many baskets."""
    of_user, starts = histories.rows, histories.basket_starts
    number = np.cumsum(starts)
    last = [number[of_user == row].max(initial=0) for row in range(len(baskets))]
    return np.array([number[at] > last[row] - baskets[row] for at, row in enumerate(of_user)])


def test_validation_targets_are_the_baskets_kept_back_and_its_windows_what_lies_before() -> None:
    config = SequenceConfig(max_length=4)
    [(windows, targets)] = targets_after(baskets_of(THREE), of_last(THREE, [1, 0, 0]), config, block=10)
    assert windows.items.tolist() == [1, 2, 2]
    assert windows.sizes.tolist() == [[2, 1]], "no slots beyond the longest of them"
    assert targets.slots.tolist() == [1]
    assert targets.items.tolist() == [3, 1]


def test_a_user_with_nothing_before_what_is_kept_back_is_not_asked() -> None:
    assert not list(targets_after(baskets_of(THREE), of_last(THREE, [3, 0, 1]), SequenceConfig(), block=10))


def test_later_time_keeps_the_last_share_of_the_events_back() -> None:
    ten = Histories.of([list(range(10))], [list(range(10))], NOW)
    kept = kept_back(ten, "later", 0.3, np.random.default_rng(0))
    assert kept.sum() in {3, 4}
    assert ten.items[~kept].tolist() == list(range(10 - kept.sum()))


def test_whole_last_baskets_are_kept_back_of_a_share_of_the_users_with_three_or_more() -> None:
    histories = Histories.of([[1, 2, 3]] * 8 + [[1, 2]] * 8, [[1, 2, 2]] * 4 + [[1, 2, 3]] * 4 + [[1, 2]] * 8, NOW)
    kept = kept_back(histories, "last_baskets", 0.49, np.random.default_rng(0), least=3)
    assert kept.sum() == 2 and np.bincount(histories.rows[kept]).max() == 1  # half of the four users with three baskets
    assert set(histories.rows[kept]) <= {4, 5, 6, 7} and set(histories.items[kept]) == {3}
    two_lines = Histories.of([[1, 2, 3]], [[1, 2, 2]], NOW)
    assert kept_back(two_lines, "last_baskets", 0.9, np.random.default_rng(0)).tolist() == [False, True, True]


users = st.lists(st.lists(st.integers(0, 60), min_size=0, max_size=25), min_size=1, max_size=6)


@given(users, st.integers(1, 8), st.integers(1, 4), st.integers(0, 99))
def test_no_target_is_older_than_its_slot_and_none_is_beyond_the_horizon(
    times: list[list[int]], length: int, horizon: int, seed: int
) -> None:
    # An item is called by user and time, so that a line tells where it comes from.
    times = [sorted(t) for t in times]
    items = [[100 * row + t for t in own] for row, own in enumerate(times)]
    baskets = baskets_of(Histories.of(items, times, NOW))
    config = SequenceConfig(max_length=length, horizon=horizon, batch_size=2, queries=5)
    for windows, targets in training_batches(baskets, config, np.random.default_rng(seed)):
        slot_item = dict(zip(windows.slots.tolist(), windows.items.tolist(), strict=True))
        for query, item in zip(targets.query, targets.items, strict=True):
            row, at = divmod(slot_item[int(targets.slots[query])], 100)
            following = sorted({t for t in times[row] if t > at})[:horizon]
            assert item // 100 == row
            assert item % 100 in following


def test_a_batch_holds_windows_of_about_one_length() -> None:
    sequences = [list(range(2 + 9 * (row % 3))) for row in range(60)]
    config = SequenceConfig(max_length=20, batch_size=10, queries=1000)
    baskets = baskets_of(Histories.of(sequences, sequences, NOW))
    lengths = [windows.sizes.shape[1] for windows, _ in training_batches(baskets, config, np.random.default_rng(0))]
    assert sorted(lengths) == [1, 1, 10, 10, 19, 19]


@given(users, st.integers(0, 99))
def test_every_user_with_two_baskets_is_in_an_epoch_once(times: list[list[int]], seed: int) -> None:
    times = [sorted(t) for t in times]
    items = [[row] * len(own) for row, own in enumerate(times)]
    baskets = baskets_of(Histories.of(items, times, NOW))
    config = SequenceConfig(max_length=30, batch_size=2)
    batches = list(training_batches(baskets, config, np.random.default_rng(seed)))
    rows = [row for windows, _ in batches for row in np.unique(windows.items).tolist()]
    assert sorted(rows) == [row for row, own in enumerate(times) if len(set(own)) >= 2]
