"""Sparse neighbour matrices: the same values as the dense way, block by block."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from components.cf import _neighbours
from components.cf._neighbours import by_blocks, keep_largest, unit_rows

values = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(-3, 6).map(float))


@given(values, st.integers(1, 10))
def test_the_largest_positive_values_stay(block: np.ndarray, n: int) -> None:
    kept = keep_largest(block, n).toarray()
    for row, of_row in zip(block, kept, strict=True):
        expected = [v for v in np.sort(row)[::-1][:n] if v > 0]
        assert np.sort(of_row[of_row > 0])[::-1].tolist() == expected
    assert (kept[kept > 0] == block[kept > 0]).all()


def test_of_equal_values_at_the_border_the_first_stay() -> None:
    assert keep_largest(np.array([[1.0, 2.0, 1.0, 1.0]]), 3).toarray().tolist() == [[1, 2, 1, 0]]


def test_blocks_of_any_size_give_the_same_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = np.random.default_rng(0).normal(size=(7, 7))
    whole = by_blocks(7, 3, lambda rows: dense[rows])
    monkeypatch.setattr(_neighbours, "BLOCK_CELLS", 20)  # two rows at a time
    assert (by_blocks(7, 3, lambda rows: dense[rows]) != whole).nnz == 0


def test_rows_get_length_one_and_empty_rows_stay_empty() -> None:
    assert unit_rows(sp.csr_matrix([[3.0, 4.0], [0.0, 0.0]])).toarray() == pytest.approx(
        np.array([[0.6, 0.8], [0.0, 0.0]])
    )
