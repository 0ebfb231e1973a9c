"""Ids: the one-to-one map between a shop's own ids (text) and dense indices."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from components.core.errors import DataError

UNKNOWN = -1
NUL = "\0"  # numpy's fixed-width texts drop it at the end: "a" and "a\0" would be one id


class Vocabulary:
    """Sorted, distinct text ids; index i stands for `ids[i]`."""

    def __init__(self, ids: np.ndarray):
        """Wrap ids that are already sorted and distinct; use `fit` for raw ones. DataError if they are not."""
        self.ids = _texts(ids)
        if self.ids.ndim != 1 or (self.ids[1:] <= self.ids[:-1]).any():
            raise DataError("vocabulary: ids must be one sorted column without repeats; build it with Vocabulary.fit.")

    @classmethod
    def fit(cls, ids: Iterable[str]) -> Vocabulary:
        """Vocabulary of the distinct values of `ids`; DataError if one holds a NUL character."""
        return cls(np.unique(_texts(ids)))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, key: str) -> bool:
        return key in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and np.array_equal(self.ids, other.ids)

    __hash__ = None

    @cached_property
    def _index(self) -> dict[str, int]:
        return {key: i for i, key in enumerate(self.ids.tolist())}

    def index(self, key: str) -> int:
        """Index of one id, or -1 (UNKNOWN)."""
        return self._index.get(key, UNKNOWN)

    def encode(self, ids: Iterable[str]) -> np.ndarray:
        """int32 indices of many ids; -1 (UNKNOWN) where an id is not in the vocabulary; DataError on NUL."""
        ids = _texts(ids)
        if not len(self.ids) or not ids.size:
            return np.full(ids.shape, UNKNOWN, dtype=np.int32)
        at = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        return np.where(self.ids[at] == ids, at, UNKNOWN).astype(np.int32)

    def decode(self, indices: Iterable[int]) -> np.ndarray:
        """Text ids of indices; IndexError on an index outside 0 … len-1."""
        indices = np.asarray(indices)
        if indices.size and (indices.min() < 0 or indices.max() >= len(self.ids)):
            raise IndexError(f"vocabulary: index outside 0 … {len(self.ids) - 1}")
        return self.ids[indices]


def _texts(ids: Iterable[str]) -> np.ndarray:
    """Ids as numpy's fixed-width texts; an array that is one already lost its NULs where it was made."""
    if isinstance(ids, np.ndarray) and ids.dtype.kind == "U":
        return ids
    raw = list(ids)
    broken = next((key for key in raw if isinstance(key, str) and NUL in key), None)
    if broken is not None:
        raise DataError(f"vocabulary: id {broken!r} holds a NUL character; clean the ids at their source.")
    return np.asarray(raw, dtype=np.str_)
