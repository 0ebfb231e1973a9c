"""What is counted while the items go by: which words there are, and which item holds which."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from components.search.stemming import Stemmer


class Cut(NamedTuple):
    """A text after cutting; ids: of its surface words; stems: joined by blanks."""

    ids: list[int]
    stems: str


class _Ids(dict):
    """Surface word → number, given when it is first met."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


class _Stems(dict):
    """Surface word → stem, made when it is first met."""

    def __init__(self, stem: Stemmer):
        super().__init__()
        self._stem = stem

    def __missing__(self, word: str) -> str:
        self[word] = stem = self._stem(word)
        return stem


class Tally:
    """Counts words by number; looking one up is all that a word costs."""

    def __init__(self, stem: Stemmer):
        """The stemmer of the index."""
        self._ids = _Ids()
        self._stems = _Stems(stem)
        self._named, self._told = array("i"), array("i")
        self._named_ends, self._told_ends = array("q", [0]), array("q", [0])

    def __len__(self) -> int:
        """How many different words there are."""
        return len(self._ids)

    def cut(self, surfaces: list[str]) -> Cut:
        """A text's words as numbers and stems."""
        return Cut(list(map(self._ids.__getitem__, surfaces)), " ".join(map(self._stems.__getitem__, surfaces)))

    def add(self, named: Iterable[Sequence[int]], told: Sequence[int]) -> None:
        """One item. named: of title, brand and category, which the vectors are made of; told: of the description."""
        for ids in named:
            self._named.extend(ids)
        self._named_ends.append(len(self._named))
        self._told.extend(told)
        self._told_ends.append(len(self._told))

    def frequency(self) -> tuple[list[str], np.ndarray]:
        """All surface words, sorted, and how many items hold each."""
        pairs = np.concatenate([_pairs(self._named, self._named_ends), _pairs(self._told, self._told_ends)])
        pairs.sort()
        first = np.concatenate([[True], pairs[1:] != pairs[:-1]])[: len(pairs)]
        counts = np.bincount(pairs[first] & 0xFFFFFFFF, minlength=len(self._ids))
        words = np.array(list(self._ids), dtype=object)
        order = np.argsort(words)
        return words[order].tolist(), counts[order]

    def names(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """The stems of the items' names: CSR row ends, column of every word, and the stems that name the columns."""
        column: dict[str, int] = {}
        columns = [column.setdefault(self._stems[word], len(column)) for word in self._ids]
        return np.array(self._named_ends), np.array(columns, np.int32)[np.array(self._named)], list(column)


def _pairs(ids: array, ends: array) -> np.ndarray:
    """int64 (words,): item in the upper half, word in the lower."""
    items = np.repeat(np.arange(len(ends) - 1, dtype=np.int64), np.diff(np.array(ends)))
    return (items << 32) | np.array(ids, dtype=np.int64)
