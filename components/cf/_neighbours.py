"""Sparse neighbour matrices: built block by block, so that no catalogue × catalogue array is ever held."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

BLOCK_CELLS = 8_000_000  # cells of the dense block in hand: 32 MB of float32


def keep_largest(block: np.ndarray, n: int) -> sp.csr_matrix:
    """The n largest positive values of every row; of equal values at the border, the first ones.

    block    float (rows, columns)
    Returns  float32 CSR of the same shape.
    """
    columns = block.shape[1]
    border = (
        np.partition(block, columns - n, axis=1)[:, [columns - n]] if n < columns else np.zeros((1, 1), block.dtype)
    )
    kept = (block > border) & (block > 0)
    tied = (block == border) & (block > 0)
    room = n - kept.sum(axis=1, keepdims=True)
    crowded = np.flatnonzero(tied.sum(axis=1) > room[:, 0])
    tied[crowded] &= np.cumsum(tied[crowded], axis=1) <= room[crowded]
    at = np.nonzero(kept | tied)
    return sp.csr_matrix((block[at].astype(np.float32), at), shape=block.shape, dtype=np.float32)


def by_blocks(rows: int, n: int, similarities: Callable[[slice], np.ndarray]) -> sp.csr_matrix:
    """float32 CSR (rows, rows): the n largest positive similarities of every row.

    similarities  slice of rows → float (rows in the slice, rows)
    """
    size = max(1, BLOCK_CELLS // rows)
    parts = (slice(start, min(start + size, rows)) for start in range(0, rows, size))
    return sp.vstack([keep_largest(similarities(part), n) for part in parts], format="csr")


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Rows scaled to Euclidean length 1; empty rows stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scale_rows(matrix, 1 / np.where(lengths > 0, lengths, 1))


def scale_rows(matrix: sp.csr_matrix, factors: np.ndarray) -> sp.csr_matrix:
    """Every row times its factor, in float32."""
    return sp.csr_matrix(sp.diags_array(factors.astype(np.float32)) @ matrix, dtype=np.float32)
