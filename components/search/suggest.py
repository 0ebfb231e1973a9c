"""Autocomplete: what begins as the typed text does, the weightiest first; then the last word is completed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.core import bundle
from components.search.analysis import is_han

TITLE, CATEGORY, BRAND, QUERY = "title", "category", "brand", "query"
WORD = "word"  # the typed text, its last word completed to one that items hold
KINDS = (QUERY, CATEGORY, BRAND, TITLE)
LONGEST = 80
MOST_TITLES = 200_000  # that are offered as completions; the most popular, where that is known
FILE = "suggestions.parquet"
LAST = "\U0010ffff"
LAST_WORD = re.compile(r"[^\W_]+$")
SHORTEST = 2  # letters of a word that is completed; one character is enough in Chinese
LONGEST_HAN = 4  # characters at the end of a Chinese text that may be the beginning of its last word


@dataclass(frozen=True)
class Suggestion:
    """A text to be offered; kind says what it is: query, category, brand, title, or word."""

    text: str
    kind: str


class Suggester:
    """Sorted keys with their texts."""

    def __init__(self, table: pa.Table, normalise: Callable[[str], str], held: Mapping[str, int] | None = None):
        """table: as `table` makes it; normalise: as the keys were made; held: words, and how many items hold each."""
        table = table.combine_chunks()
        self._keys, self._texts = table["key"], table["text"]
        self._kinds = table["kind"]
        self._weights = table["weight"].to_numpy()
        self._normalise = normalise
        self._held = held or {}

    @classmethod
    def read(cls, folder: Path, normalise: Callable[[str], str], held: Mapping[str, int]) -> Suggester:
        """Read what was written as FILE."""
        return cls(bundle.read_table(folder / FILE), normalise, held)

    def complete(self, typed: str, k: int, hidden: Collection[str] = ()) -> list[Suggestion]:
        """At most k texts whose normalised form begins as `typed` does; equal weights in the order of the keys.

        hidden  titles that are not offered
        """
        prefix = self._normalise(typed)
        if not prefix:
            return []
        low, high = self._place(prefix), self._place(prefix + LAST)
        looked_at = k
        while True:
            best = _best(self._weights[low:high], looked_at) + low
            found = [Suggestion(self._texts[int(i)].as_py(), self._kinds[int(i)].as_py()) for i in best]
            shown = [s for s in found if s.kind != TITLE or s.text not in hidden]
            if len(shown) >= k or len(best) < looked_at:
                return shown[:k]
            looked_at *= 4

    def last_word(self, typed: str, k: int, offered: Collection[Suggestion] = ()) -> list[Suggestion]:
        """The typed text with its last word completed, at most k of them, what most items hold first; none of those
        that are offered already, in whatever letters.
        """
        there = {self._normalise(suggestion.text) for suggestion in offered}
        whole = self._normalise(typed)
        last = LAST_WORD.search(whole)
        if last is None or typed[-1:].isspace():
            return []
        for start in _starts(last.group()):
            words, counts = self._words
            low, high = bisect_left(words, start + "\0"), bisect_left(words, start + LAST)
            if low < high:
                head = whole[: len(whole) - len(start)]
                texts = [head + words[int(i) + low] for i in _best(counts[low:high], k + len(there))]
                return [Suggestion(text, WORD) for text in texts if text not in there][:k]
        return []

    @cached_property
    def _words(self) -> tuple[list[str], np.ndarray]:
        """Words without digits, sorted, and how many items hold each."""
        words = sorted(word for word in self._held if word.isalpha())
        return words, np.array([self._held[word] for word in words], dtype=np.float32)

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


def _best(weights: np.ndarray, k: int) -> np.ndarray:
    """Places of the k largest, largest first, equal ones in their order."""
    best = np.arange(len(weights))
    if len(weights) > k:
        best = np.flatnonzero(weights >= np.partition(weights, len(weights) - k)[len(weights) - k])
    return best[np.argsort(-weights[best], kind="stable")][:k]


def _starts(last: str) -> list[str]:
    """What may be the beginning of the last word: of Chinese, which has no blanks, the longest ending first."""
    if not is_han(last[-1]):
        return [last] if len(last) >= SHORTEST else []
    endings = [last[-n:] for n in range(min(LONGEST_HAN, len(last)), 0, -1)]
    return [ending for ending in endings if is_han(ending[0])]


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
