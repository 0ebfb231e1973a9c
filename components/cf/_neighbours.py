"""Sparse neighbour matrices: built block by block, so that no catalogue × catalogue array is ever held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp

from components.core.memory import FLOAT, Part

BLOCK_CELLS = 8_000_000  # cells of the block in hand: 32 MB of float32 where it is dense
BLOCKS_AT_ONCE = 3  # the block, what of it is kept, and a copy in sorting
INDEX = 4  # bytes of a column's number
DENSE_SHARE = 0.2  # of a block's cells; above it the dense way is the quicker one


def kept_bytes(rows: int, n: int, columns: int, terms: float = np.inf) -> float:
    """Of `largest_of_product`: n values with their columns per row, twice while blocks are joined, and a block.

    terms  of the whole product, which has no more values than that however large it is
    """
    block = min(float(rows) * columns, BLOCK_CELLS, terms / DENSE_SHARE)
    return (FLOAT + INDEX) * (2.0 * min(float(rows) * min(n, columns), terms) + BLOCKS_AT_ONCE * block)


def kept_parts(n_items: int, kept: int) -> list[Part]:
    """`Model.memory` of a model that keeps so many neighbours of every item."""
    needed, least = (kept_bytes(n_items, n, n_items) for n in (kept, 1))
    return [Part(needed, f"use fewer neighbours ({kept})", least)]


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


def largest_of_product(left: sp.csr_matrix, right: sp.csr_matrix, n: int) -> sp.csr_matrix:
    """float32 CSR: the n largest positive values of every row of left @ right, which is never held whole.

    left, right  float32 CSR (rows, inner) and (inner, columns)
    """
    if left.shape[0] == 0:
        return sp.csr_matrix((0, right.shape[1]), dtype=np.float32)
    parts = [keep_largest_stored(left[part] @ right, n) for part in _slices_of_product(left, right)]
    return sp.vstack(parts, format="csr", dtype=np.float32)


def _slices_of_product(left: sp.csr_matrix, right: sp.csr_matrix) -> Iterator[slice]:
    """Consecutive rows of the left matrix, as many as give at most BLOCK_CELLS values; at least one."""
    terms = np.concatenate(([0], np.cumsum(np.diff(right.indptr)[left.indices], dtype=np.int64)))
    per_row = np.minimum(np.diff(terms[left.indptr]), right.shape[1])
    ends = np.cumsum(np.maximum(per_row, 1))
    start, rows = 0, left.shape[0]
    while start < rows:
        done = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + BLOCK_CELLS, side="right")))
        yield slice(start, end)
        start = end


def keep_largest_stored(block: sp.csr_matrix, n: int) -> sp.csr_matrix:
    """`keep_largest` of a CSR block: dense where most cells are filled, else row by row."""
    if block.nnz > DENSE_SHARE * block.shape[0] * block.shape[1]:
        return keep_largest(block.toarray(), n)
    kept = block.data > 0
    for start, end in _rows_longer_than(block, n):
        values = block.data[start:end]
        border = np.partition(values, len(values) - n)[len(values) - n]
        kept[start:end] &= values >= border
        surplus = np.count_nonzero(values >= border) - n
        if surplus and border > 0:
            tied = np.flatnonzero(values == border)
            kept[start + tied[np.argsort(block.indices[start + tied])][-surplus:]] = False
    indptr = np.concatenate(([0], np.cumsum(kept)))[block.indptr]
    return sp.csr_matrix((block.data[kept].astype(np.float32), block.indices[kept], indptr), shape=block.shape)


def _rows_longer_than(block: sp.csr_matrix, n: int) -> Iterator[tuple[int, int]]:
    for row in np.flatnonzero(np.diff(block.indptr) > n):
        yield int(block.indptr[row]), int(block.indptr[row + 1])


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Rows scaled to Euclidean length 1; empty rows stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scale_rows(matrix, 1 / np.where(lengths > 0, lengths, 1))


def scale_rows(matrix: sp.csr_matrix, factors: np.ndarray) -> sp.csr_matrix:
    """Every row times its factor, in float32."""
    factors = np.repeat(np.asarray(factors, dtype=np.float32), np.diff(matrix.indptr))
    return sp.csr_matrix((matrix.data * factors, matrix.indices, matrix.indptr), shape=matrix.shape, dtype=np.float32)


def inverse(totals: np.ndarray) -> np.ndarray:
    """1 / total of rows of float32, and 1 where `says_nothing`."""
    return 1 / np.where(says_nothing(totals), 1, totals)


def says_nothing(totals: np.ndarray) -> np.ndarray:
    """bool: a row holds nothing, or, of a history a hundred half-lives old, so little that its inverse is infinite."""
    return totals < np.finfo(np.float32).tiny


def scale_columns(matrix: sp.csr_matrix, factors: np.ndarray) -> sp.csr_matrix:
    """Every column times its factor, in float32."""
    factors = np.asarray(factors, dtype=np.float32)[matrix.indices]
    return sp.csr_matrix((matrix.data * factors, matrix.indices, matrix.indptr), shape=matrix.shape, dtype=np.float32)
