"""Reciprocal rank fusion: several ranked lists become one, by ranks alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.fusion.reciprocal_rank import worth
from components.search.engine import Hits


def fuse(lists: Sequence[tuple[Hits, float]], k: int) -> Hits:
    """The k best rows by the sum of weighted reciprocal ranks; equal scores in the order of the rows."""
    filled = [(hits, weight) for hits, weight in lists if len(hits.rows)]
    if not filled:
        return Hits(np.zeros(0, np.int32), np.zeros(0, np.float32))
    rows = np.concatenate([hits.rows for hits, _ in filled])
    worths = np.concatenate([weight * worth(1 + np.arange(len(hits.rows))) for hits, weight in filled])
    distinct, at = np.unique(rows, return_inverse=True)
    scores = np.bincount(at, weights=worths)
    order = np.argsort(-scores, kind="stable")[:k]
    return Hits(distinct[order].astype(np.int32), scores[order].astype(np.float32))
