"""Single values of sparse matrices, without dense blocks."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def values_at(matrix: sp.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The values of (row, column) pairs, 0 where nothing is stored.

    matrix         CSR without duplicates, as `sum_duplicates` leaves it; columns of a row in any order
    rows, columns  int (pairs,)
    """
    held = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * matrix.shape[1]
    return look_up(held + matrix.indices, matrix.data, rows.astype(np.int64) * matrix.shape[1] + columns)


def look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray, default: float = 0) -> np.ndarray:
    """The value of every wanted key, `default` where it is none of the keys; keys are distinct, in any order."""
    if not len(keys):
        return np.full(len(wanted), default, dtype=values.dtype)
    if (keys[1:] < keys[:-1]).any():
        order = np.argsort(keys)
        keys, values = keys[order], values[order]
    at = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], np.asarray(default, dtype=values.dtype))
