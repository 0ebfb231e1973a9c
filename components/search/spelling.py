"""Spelling: a word the index does not hold becomes the likeliest one it does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np

from components.search.analysis import is_han

SHORTEST = 4  # a word of three letters has too many neighbours
TWO_EDITS_FROM = 7  # letters; shorter words may be one edit away
ONE_EDIT_COSTS = 30.0  # how many times rarer a word may be and still be as likely with one edit less
OTHER_FIRST_LETTER = 10.0  # people seldom mistype the first letter
LEAST_HALF = 3  # letters of either half of a word that is cut in two
REMEMBERED = 20_000


class Speller:
    """Words of the index with how many documents hold each."""

    def __init__(self, words: Sequence[str], counts: np.ndarray):
        """words: distinct; counts: int (words,), at least 1."""
        self.counts = dict(zip(words, counts.tolist(), strict=True))
        self._suggest = lru_cache(REMEMBERED)(self._looked_up)

    def suggest(self, word: str) -> tuple[str, ...] | None:
        """The one word, or the two that were written as one, that are likeliest meant; None if nothing is near.

        Words of digits or Han characters are left alone: "500ml" is no misspelt "600ml".
        """
        return self._suggest(word)

    def _looked_up(self, word: str) -> tuple[str, ...] | None:
        if len(word) < SHORTEST or any(c.isdigit() for c in word) or is_han(word):
            return None
        near = self._nearest(word)
        halves = self._halves(word)
        if halves is None:
            return near and (near[0],)
        return (near[0],) if near and near[1] > self._halves_weight(halves) else halves

    def _nearest(self, word: str) -> tuple[str, float] | None:
        """The best word within reach and its weight: count, divided for every edit and for another first letter."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        reach = 2 if len(word) >= TWO_EDITS_FROM else 1
        best: tuple[float, str] | None = None
        for length in range(len(word) - reach, len(word) + reach + 1):
            words = self._by_length.get(length)
            if not words:
                continue
            for other, edits, _ in process.extract(word, words, scorer=OSA.distance, score_cutoff=reach, limit=None):
                weight = self.counts[other] / ONE_EDIT_COSTS**edits
                weight /= 1.0 if other[0] == word[0] else OTHER_FIRST_LETTER
                if best is None or (-weight, other) < best:
                    best = (-weight, other)
        return None if best is None else (best[1], -best[0])

    def _halves(self, word: str) -> tuple[str, str] | None:
        cuts = ((word[:i], word[i:]) for i in range(LEAST_HALF, len(word) - LEAST_HALF + 1))
        known = [cut for cut in cuts if cut[0] in self.counts and cut[1] in self.counts]
        return max(known, key=self._halves_weight, default=None)

    def _halves_weight(self, halves: tuple[str, str]) -> float:
        return min(self.counts[half] for half in halves) / ONE_EDIT_COSTS

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        """Words that may be meant: no digits, no Han; those of a single document only in a small catalogue."""
        least = 1 if len(self.counts) < 50_000 else 2
        out: dict[int, list[str]] = {}
        for word, count in self.counts.items():
            if count >= least and len(word) >= SHORTEST - 1 and word.isalpha() and not is_han(word):
                out.setdefault(len(word), []).append(word)
        return out
