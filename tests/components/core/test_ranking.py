"""Top-k: the same as a stable full sort, for any scores with ties and exclusions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from components.core.dataset import Histories
from components.core.ranking import NO_ITEM, exclude, top_k

# Few distinct values, so that ties are the rule.
tied_scores = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0]),
)


@given(tied_scores, st.integers(1, 15))
def test_equals_a_stable_sort_of_everything(scores: np.ndarray, k: int) -> None:
    ranked = top_k(scores, k)
    assert ranked.shape == (len(scores), k) and ranked.dtype == np.int32
    for row, of_row in zip(scores, ranked, strict=True):
        expected = [i for i in np.argsort(-row, kind="stable").tolist() if row[i] > -np.inf][:k]
        assert of_row.tolist() == expected + [NO_ITEM] * (k - len(expected))


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("masked", [0.0, 0.5, 0.99, 1.0])
def test_a_large_catalogue_equals_a_stable_sort_too(levels: int, masked: float) -> None:
    draw = np.random.default_rng(levels)
    scores = draw.integers(levels, size=(9, 1003)).astype(np.float32)
    scores[draw.random(scores.shape) < masked] = -np.inf
    for row, of_row in zip(scores, top_k(scores, 10), strict=True):
        expected = [i for i in np.argsort(-row, kind="stable").tolist() if row[i] > -np.inf][:10]
        assert of_row.tolist() == expected + [NO_ITEM] * (10 - len(expected))


def test_a_nan_is_refused_wherever_it_stands_in_a_large_catalogue() -> None:
    for place in (0, 500, 1002):
        scores = np.zeros((2, 1003))
        scores[1, place] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            top_k(scores, 3)


@given(tied_scores, st.integers(1, 15))
def test_a_longer_list_begins_with_the_shorter(scores: np.ndarray, k: int) -> None:
    assert np.array_equal(top_k(scores, k + 3)[:, :k], top_k(scores, k))


def test_equal_scores_come_in_the_order_of_the_index() -> None:
    assert top_k(np.array([[1.0, 2.0, 2.0, 1.0, 2.0]]), 2).tolist() == [[1, 2]]


def test_nan_and_a_cutoff_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        top_k(np.array([[np.nan, 1.0]]), 1)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        top_k(np.zeros((1, 2)), 0)


def test_seen_and_forbidden_items_are_excluded_in_a_copy() -> None:
    scores = np.ones((2, 4), dtype=np.float32)
    histories = Histories.of([[0, 0, 2], []], [[1, 2, 2], []], now=3)
    allowed = np.array([True, True, True, False])
    out = exclude(scores, histories, seen=True, allowed=allowed)
    assert np.isinf(out).tolist() == [[True, False, True, True], [False, False, False, True]]
    assert (scores == 1).all()
