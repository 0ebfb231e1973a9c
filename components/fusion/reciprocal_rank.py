"""Reciprocal rank fusion: lists of several models joined by rank alone, so that their scores need no common scale.

Source: Cormack, Clarke & Büttcher 2009, doi:10.1145/1571941.1572114.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

CONSTANT = 60  # of the paper: how much less the first place says than infinitely much


def worth(ranks: np.ndarray, constant: float = CONSTANT) -> np.ndarray:
    """1 / (constant + rank) of ranks that begin at 1; the larger the constant, the less the first places stand out."""
    return 1 / (constant + ranks)


def fuse(lists: Iterable[tuple[np.ndarray, float]], n_items: int, constant: float = CONSTANT) -> np.ndarray:
    """float32 (n, n_items): sum over the lists of weight · worth, 0 for what no list names.

    lists   (ranked, weight): ranked int (n, k) catalogue indices, best first, -1 where a list is shorter; the same n
    Raises  ValueError if there is no list
    """
    lists = list(lists)
    if not lists:
        raise ValueError("fuse: no lists")
    out = np.zeros((len(lists[0][0]), n_items), dtype=np.float32)
    for ranked, weight in lists:
        rows, places = np.nonzero(ranked >= 0)
        np.add.at(out, (rows, ranked[rows, places]), (weight * worth(1 + places, constant)).astype(np.float32))
    return out
