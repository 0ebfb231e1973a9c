"""Item-on-items regressions over a few candidates each: how SLIM, and EASE beyond its head, stay within memory.

Regressing every item on all others needs the whole items × items gram matrix. Here an item is regressed on its most
similar ones only (the feature selection of Ning & Karypis 2011, section V, doi:10.1109/ICDM.2011.134), which needs a
candidates × candidates block at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from components.cf._neighbours import kept_bytes, largest_of_product, scale_rows, unit_rows
from components.core.dataset import Dataset
from components.core.memory import FLOAT, Part
from components.core.progress import track

BATCH_CELLS = 4_000_000  # of the gram blocks in hand: 16 MB of float32
CANDIDATE_SHRINKAGE = 10  # buyers; else candidates of rare items would be those that share their one buyer

Solver = Callable[[np.ndarray, np.ndarray], np.ndarray]


def regress(bought: sp.csr_matrix, targets: np.ndarray, candidates: int, solve: Solver, name: str) -> sp.csr_matrix:
    """float32 CSR (items, items): in column j, for every target j, the weights of its candidates on it.

    bought   float32 CSR (users, items)
    targets  int (n,), items to be foretold from others
    solve    (grams float32 (batch, candidates, candidates), right (batch, candidates)) → weights (batch, candidates);
             where an item has fewer candidates the rest of its block is 0
    """
    if not candidates:  # a catalogue of one item: there is nothing to regress it on
        return sp.csr_matrix((bought.shape[1],) * 2, dtype=np.float32)
    items = sp.csr_matrix(bought.T)
    nearest = _candidates(items, targets, candidates)
    size = max(1, BATCH_CELLS // candidates**2)
    parts = []
    for start in track(range(0, len(targets), size), f"{name}: {len(targets)} items, {size} at a time"):
        part = nearest[start : start + size]
        parts.append(_with_values(part, solve(*_grams(items, targets[start : start + size], part, candidates))))
    kept = sp.vstack(parts, format="coo") if parts else sp.coo_matrix((0, len(items.indptr) - 1))
    used = kept.data != 0
    at = (kept.col[used], targets[kept.row[used]])
    return sp.csr_matrix((kept.data[used].astype(np.float32), at), shape=(items.shape[0],) * 2)


def regress_part(targets: int, data: Dataset, candidates: int, option: str) -> Part:
    """`Model.memory` of `regress`, and the option that says how many candidates an item has."""
    in_force = min(candidates, max(len(data.items) - 1, 1))
    needed, least = (regress_bytes(targets, data, n) for n in (in_force, 1))
    return Part(needed, f"use fewer {option} ({in_force})", least)


def regress_bytes(targets: int, data: Dataset, candidates: int) -> float:
    """The candidates with their likeness and their weights, and the gram blocks in hand, none wider than the items."""
    if not targets:
        return 0.0
    cells = min(candidates, len(data.items)) ** 2
    blocks = 2.0 * FLOAT * max(cells, min(BATCH_CELLS, targets * cells))
    pairs = float(np.square(data.histories.lengths, dtype=float).sum())  # of items that a user had both of, at most
    return 2 * kept_bytes(targets, candidates + 1, len(data.items), pairs) + blocks


def _candidates(items: sp.csr_matrix, targets: np.ndarray, n: int) -> sp.csr_matrix:
    """CSR (targets, items): the n items most often bought by the same users, the item itself left out."""
    buyers = np.diff(items.indptr)
    near = scale_rows(unit_rows(items), np.sqrt(buyers / (buyers + CANDIDATE_SHRINKAGE)))
    found = largest_of_product(near[targets], sp.csr_matrix(near.T), n + 1)
    found.data[np.repeat(targets, np.diff(found.indptr)) == found.indices] = 0
    found.eliminate_zeros()
    return found


def _grams(
    items: sp.csr_matrix, targets: np.ndarray, candidates: sp.csr_matrix, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """The gram blocks of the candidates, and the candidates' products with their target."""
    grams, right = np.zeros((len(targets), n, n), dtype=np.float32), np.zeros((len(targets), n), dtype=np.float32)
    for row, target in enumerate(targets):
        chosen = candidates.indices[candidates.indptr[row] : candidates.indptr[row + 1]][:n]
        known = items[np.append(chosen, target)]
        products = (known @ known.T).toarray()
        k = len(chosen)
        grams[row, :k, :k], right[row, :k] = products[:k, :k], products[:k, k]
    return grams, right


def _with_values(candidates: sp.csr_matrix, weights: np.ndarray) -> sp.csr_matrix:
    """The candidates' matrix with their weights in it; a row has at most as many candidates as weights has columns."""
    within = np.arange(candidates.nnz) - np.repeat(candidates.indptr[:-1], np.diff(candidates.indptr))
    rows = np.repeat(np.arange(candidates.shape[0]), np.diff(candidates.indptr))
    inside = within < weights.shape[1]
    at = (rows[inside], candidates.indices[inside])
    return sp.csr_matrix((weights[rows[inside], within[inside]], at), shape=candidates.shape)
