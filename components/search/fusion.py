"""Reciprocal rank fusion: several ranked lists become one, by ranks alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.search.engine import Hits

DAMPING = 60


def fuse(lists: Sequence[tuple[Hits, float]], k: int) -> Hits:
    """The k best rows by Σ weight / (60 + rank); equal scores in the order of the rows.

    Source  Cormack, Clarke & Büttcher 2009, doi:10.1145/1571941.1572114
    """
    filled = [(hits, weight) for hits, weight in lists if len(hits.rows)]
    if not filled:
        return Hits(np.zeros(0, np.int32), np.zeros(0, np.float32))
    rows = np.concatenate([hits.rows for hits, _ in filled])
    worth = np.concatenate([weight / (DAMPING + 1 + np.arange(len(hits.rows))) for hits, weight in filled])
    distinct, at = np.unique(rows, return_inverse=True)
    scores = np.bincount(at, weights=worth)
    order = np.argsort(-scores, kind="stable")[:k]
    return Hits(distinct[order].astype(np.int32), scores[order].astype(np.float32))
