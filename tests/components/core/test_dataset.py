"""Histories and data sets: small literal cases whose answer is seen by eye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.dataset import DAY_S, Dataset, Histories
from components.core.errors import DataError
from components.core.vocabulary import Vocabulary


def three_users() -> Histories:
    """Users with 2, 0 and 3 events; the last bought item 1 twice."""
    return Histories.of([[0, 2], [], [1, 1, 2]], [[10, 20], [], [10, 10, 30]], now=40)


def as_lists(h: Histories) -> list[list[int]]:
    return [h.of_user(row)[0].tolist() for row in range(len(h))]


def test_events_in_any_order_become_histories_oldest_first() -> None:
    data = Dataset.from_events(np.array(["v", "u", "v"]), np.array(["b", "a", "c"]), np.array([5, 1, 2]), now=6)
    assert (data.users.ids.tolist(), data.items.ids.tolist()) == (["u", "v"], ["a", "b", "c"])
    assert as_lists(data.histories) == [[0], [2, 1]]
    assert data.histories.users.tolist() == [0, 1]


def test_events_of_one_user_at_one_time_are_one_basket() -> None:
    assert three_users().basket_starts.tolist() == [True, True, True, False, True]
    two_at_one_time = Histories.of([[0], [1]], [[7], [7]], now=8)
    assert two_at_one_time.basket_starts.tolist() == [True, True]
    assert Histories.of([[]], [[]], now=1).basket_starts.tolist() == []


def test_rows_lengths_and_single_users() -> None:
    h = three_users()
    assert len(h) == 3 and h.lengths.tolist() == [2, 0, 3] and h.rows.tolist() == [0, 0, 2, 2, 2]
    assert h.users.tolist() == [-1, -1, -1]
    assert [part.tolist() for part in h.of_user(2)] == [[1, 1, 2], [10, 10, 30]]


@given(st.lists(st.integers(0, 2), max_size=6))
def test_take_gives_the_named_rows_in_that_order(rows: list[int]) -> None:
    h = three_users()
    taken = h.take(np.array(rows, dtype=int))
    assert as_lists(taken) == [as_lists(h)[row] for row in rows] and taken.now == h.now


@given(st.lists(st.booleans(), min_size=5, max_size=5))
def test_keep_drops_events_and_no_user(mask: list[bool]) -> None:
    h = three_users()
    kept = h.keep(np.array(mask))
    assert len(kept) == 3
    assert kept.items.tolist() == h.items[mask].tolist() and kept.rows.tolist() == h.rows[mask].tolist()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_blocks_put_together_are_the_whole(size: int) -> None:
    h = three_users()
    assert [one for block in h.blocks(size) for one in as_lists(block)] == as_lists(h)


def test_matrix_counts_decays_or_flags() -> None:
    h = Histories.of([[1, 1]], [[0, 2 * DAY_S]], now=4 * DAY_S)
    assert h.matrix(3).toarray().tolist() == [[0, 2, 0]]
    assert h.matrix(3, binary=True).toarray().tolist() == [[0, 1, 0]]
    assert h.matrix(3, half_life_days=2).toarray().tolist() == [[0, 0.25 + 0.5, 0]]


def test_a_data_set_with_wrong_shapes_is_refused() -> None:
    users, items, h = Vocabulary.fit("abc"), Vocabulary.fit("xyz"), three_users()
    Dataset(users, items, h)
    with pytest.raises(DataError, match="3 histories for 1 users"):
        Dataset(Vocabulary.fit("a"), items, h)
    with pytest.raises(DataError, match="outside the catalogue"):
        Dataset(users, Vocabulary.fit("xy"), h)
    with pytest.raises(DataError, match="at or after the cut-off"):
        Dataset(users, items, replace(h, now=30))
