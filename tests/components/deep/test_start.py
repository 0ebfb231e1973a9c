"""What training starts from, and the trend its biases end with."""

from __future__ import annotations

import numpy as np
import pytest

from components.core.dataset import DAY_S, Histories
from components.deep._start import popularity_of, start_embeddings, trend_of

NOW = 100 * DAY_S


def histories(sequences: list[list[int]], days_ago: float = 50) -> Histories:
    return Histories.of(sequences, [[int(NOW - days_ago * DAY_S)] * len(s) for s in sequences], NOW)


def test_popularity_counts_lines_and_leaves_nobody_at_zero() -> None:
    assert popularity_of(histories([[0, 0], [1]]), 3) == pytest.approx(np.array([3, 2, 1]) / 6)


@pytest.mark.parametrize("size", [2, 8], ids=["fewer than users", "more than users"])
def test_items_of_the_same_buyers_start_close_together(size: int) -> None:
    vectors = start_embeddings(
        histories([[0, 1], [0, 1], [2, 3], [2, 3], [0, 1], [2, 3]]), 4, size, np.random.default_rng(0)
    )
    assert vectors.shape == (4, size) and vectors.dtype == np.float32
    assert vectors[0] @ vectors[1] > 0.9 and abs(vectors[0] @ vectors[2]) < 0.1


def test_a_trend_is_up_for_what_sells_now_and_flat_where_nothing_changed() -> None:
    times = [[int(NOW - 50 * DAY_S)] * 20 + [int(NOW - DAY_S)] * 20]
    moved = Histories.of([[0, 1] * 10 + [0] * 20], times, NOW)
    up, down = trend_of(moved, 2, days=10, lines=1)
    assert up > 0.1 and down < -1
    steady = Histories.of([[0, 1] * 20], times, NOW)
    assert trend_of(steady, 2, days=10, lines=1) == pytest.approx(np.zeros(2), abs=1e-6)
