"""Autocomplete: what begins as the typed text does, the weightiest first; else the last word is completed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.core import bundle

TITLE, CATEGORY, BRAND, QUERY = "title", "category", "brand", "query"
KINDS = (QUERY, CATEGORY, BRAND, TITLE)
LONGEST = 80
FILE = "suggestions.parquet"
LAST = "\U0010ffff"


@dataclass(frozen=True)
class Suggestion:
    """A text to be offered; kind says what it is: query, category, brand, title, or word."""

    text: str
    kind: str


class Suggester:
    """Sorted keys with their texts."""

    def __init__(self, table: pa.Table, normalise: Callable[[str], str]):
        """table: as `table` makes it; normalise: as the keys were made."""
        table = table.combine_chunks()
        self._keys, self._texts = table["key"], table["text"]
        self._kinds = table["kind"]
        self._weights = table["weight"].to_numpy()
        self._normalise = normalise

    @classmethod
    def read(cls, folder: Path, normalise: Callable[[str], str]) -> Suggester:
        """Read what was written as FILE."""
        return cls(bundle.read_table(folder / FILE), normalise)

    def complete(self, typed: str, k: int) -> list[Suggestion]:
        """At most k texts whose normalised form begins as `typed` does; equal weights in the order of the keys."""
        prefix = self._normalise(typed)
        if not prefix:
            return []
        low, high = self._place(prefix), self._place(prefix + LAST)
        weights = self._weights[low:high]
        if len(weights) > k:
            least = np.partition(weights, len(weights) - k)[len(weights) - k]
            best = np.flatnonzero(weights >= least)
        else:
            best = np.arange(len(weights))
        best = best[np.argsort(-weights[best], kind="stable")][:k] + low
        return [Suggestion(self._texts[int(i)].as_py(), self._kinds[int(i)].as_py()) for i in best]

    def _place(self, key: str) -> int:
        """How many keys come before this one."""
        low, high = 0, len(self._weights)
        while low < high:
            middle = (low + high) // 2
            if self._keys[middle].as_py() < key:
                low = middle + 1
            else:
                high = middle
        return low


def table(found: Iterable[tuple[str, str, float]], normalise: Callable[[str], str]) -> pa.Table:
    """The table of suggestions: every key once, with the most important kind and the weights added up.

    found  (text, kind, weight)
    """
    by_key: dict[str, list] = {}
    for text, kind, weight in found:
        if not text or len(text) > LONGEST:
            continue
        key = normalise(text)
        there = by_key.get(key)
        if not key:
            continue
        if there is None:
            by_key[key] = [text, kind, weight]
        else:
            there[2] += weight
            if KINDS.index(kind) < KINDS.index(there[1]):
                there[0], there[1] = text, kind
    keys = sorted(by_key)
    columns = zip(*(by_key[key] for key in keys), strict=True) if keys else ([], [], [])
    texts, kinds, weights = (list(column) for column in columns)
    return pa.table({
        "key": pa.array(keys, pa.string()), "text": pa.array(texts, pa.string()),
        "kind": pa.array(kinds, pa.string()), "weight": pa.array(weights, pa.float32()),
    })  # fmt: skip
