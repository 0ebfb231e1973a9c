"""How much one purchase says: as it is, by the rarity of who bought it, or saturating with its frequency."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp

BM25_K1 = 1.2  # how soon repeated purchases stop counting; Robertson & Zaragoza 2009, section 3.5
BM25_B = 0.75  # how strongly the purchases of a long row are discounted

Weighting = Literal["cosine", "tfidf", "bm25"]


def weigh(counts: sp.csr_matrix, weighting: Weighting, k1: float = BM25_K1, b: float = BM25_B) -> sp.csr_matrix:
    """Weighted copy of counts, float32: "cosine" has 1 where there is any, see below for the others.

    counts  float32 CSR; its rows are what is compared (items by their buyers, or users by their items)
    """
    if weighting == "tfidf":
        return _tfidf(counts)
    if weighting == "bm25":
        return _bm25(counts, k1, b)
    return _with(counts, np.ones_like(counts.data))


def _tfidf(counts: sp.csr_matrix) -> sp.csr_matrix:
    """Root of the count, times the rarity of the column: a user who buys everything says little about any item."""
    return _with(counts, np.sqrt(counts.data) * _rarity(counts)[counts.indices])


def _bm25(counts: sp.csr_matrix, k1: float, b: float) -> sp.csr_matrix:
    """Counts that saturate, the later the longer the row, times the rarity of the column.

    A popular item's single purchase counts for less: it takes more of them to say as much.
    """
    length = np.asarray(counts.sum(axis=1)).ravel()
    norm = np.repeat(1 - b + b * length / max(length.mean(), 1e-12), np.diff(counts.indptr))
    return _with(counts, counts.data * (k1 + 1) / (counts.data + k1 * norm) * _rarity(counts)[counts.indices])


def _rarity(counts: sp.csr_matrix) -> np.ndarray:
    filled = np.maximum(np.bincount(counts.indices, minlength=counts.shape[1]), 1)
    return np.log1p(counts.shape[0] / filled)


def _with(counts: sp.csr_matrix, values: np.ndarray) -> sp.csr_matrix:
    return sp.csr_matrix((values.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
