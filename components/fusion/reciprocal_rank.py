"""Reciprocal rank fusion: lists of several models joined by rank alone, so that their scores need no common scale.

Source: Cormack, Clarke & Büttcher 2009, doi:10.1145/1571941.1572114.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

CONSTANT = 60  # of the paper: how much less the first place says than infinitely much


def fuse(
    lists: Iterable[tuple[np.ndarray, float]], n_items: int, constant: float = CONSTANT, out: np.ndarray | None = None
) -> np.ndarray:
    """float32 (n, n_items): sum over the lists of weight / (constant + rank), 0 for what no list names.

    lists     (ranked, weight): ranked int (n, k) catalogue indices, best first, -1 where a list is shorter
    constant  the larger, the less the first places stand out
    """
    for ranked, weight in lists:
        out = np.zeros((len(ranked), n_items), dtype=np.float32) if out is None else out
        rows, places = np.nonzero(ranked >= 0)
        np.add.at(out, (rows, ranked[rows, places]), np.float32(weight) / (constant + 1 + places).astype(np.float32))
    if out is None:
        raise ValueError("fuse: no lists")
    return out
