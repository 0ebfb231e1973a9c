"""What a query means to the index: its words, what stands for them, and what was changed, for the one who asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from components.search.analysis import Analyzer, is_han
from components.search.engine import Term
from components.search.spelling import Speller
from components.search.synonyms import Synonyms

MOST_TERMS = 24
LONGEST_QUERY = 200
LEAST_JOINED = 6  # letters of two words that may have been one


@dataclass(frozen=True)
class Understood:
    """A query after analysis.

    words      index words as they are looked up, after correction, in order, none twice
    terms      the words the index holds, with their synonyms
    corrected  the query with its spelling corrected, None where nothing was
    dropped    words that nothing in the index comes near to; of Chinese, the characters that no item holds
    """

    words: tuple[str, ...]
    terms: tuple[Term, ...]
    corrected: str | None
    dropped: tuple[str, ...]


class Understanding:
    """Turns queries into terms. Safe to share between threads."""

    def __init__(self, analyzer: Analyzer, speller: Speller, synonyms: Synonyms):
        """All three are of one index."""
        self.analyzer = analyzer
        self.speller = speller
        self.synonyms = synonyms

    def __call__(self, query: str) -> Understood:
        """Analyse, correct and expand a query; text beyond 200 characters is not looked at."""
        typed = self._written_as_one(list(dict.fromkeys(self.analyzer.surfaces(query[:LONGEST_QUERY])))[:MOST_TERMS])
        meant: list[str] = []
        dropped: list[str] = []
        pieces: list[str] = []  # of Chinese, that no item holds
        changed = False
        for word in typed:
            if self._found(self.analyzer.stem(word)):
                meant.append(word)
                continue
            near = self.speller.suggest(word)
            if near is not None:
                meant += near
                changed = True
            else:
                (pieces if is_han(word) else dropped).append(word)
        dropped += _in_no(meant, pieces)
        words = list(dict.fromkeys(map(self.analyzer.stem, meant)))
        corrected = " ".join(dict.fromkeys([*meant, *dropped])) if changed else None
        return Understood(tuple(words), self._terms(words), corrected, tuple(dropped))

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(map(self.analyzer.stem, self.speller.counts))

    def _holds(self, stem: str) -> bool:
        """Whether a document holds a word of this stem."""
        return stem in self._stems

    def _found(self, word: str) -> bool:
        return self._holds(word) or any(self._holds(w) for w in self.synonyms.of.get(word, ()))

    def _written_as_one(self, typed: list[str]) -> list[str]:
        """`head phones` → headphones where no item holds one of the two, but items hold the whole."""
        out: list[str] = []
        for word in typed:
            before = out[-1] if out else ""
            whole = self.analyzer.stem(before + word)
            apart = self._found(self.analyzer.stem(before)) and self._found(self.analyzer.stem(word))
            if before.isalpha() and word.isalpha() and not is_han(word) and not apart and self._found(whole):
                out[-1] = before + word
            else:
                out.append(word)
        return out

    def _terms(self, words: list[str]) -> tuple[Term, ...]:
        """One term a word; two neighbours that the index also writes as one may stand as that one."""
        terms = []
        joined = self._joined(words)
        for i, word in enumerate(words):
            alternatives = dict(self.synonyms.alternatives(word))
            for place in (i - 1, i):
                if place in joined:
                    alternatives.setdefault(joined[place], 1.0)
            known = tuple((w, share) for w, share in alternatives.items() if self._holds(w))
            if known:
                weak = len(word) == 1 and is_han(word) and any(word in other for other in words if other != word)
                terms.append(Term(known, weak))
        return tuple(terms)

    def _joined(self, words: list[str]) -> dict[int, str]:
        pairs = ((i, a + b) for i, (a, b) in enumerate(pairwise(words)) if a.isalpha() and b.isalpha())
        return {i: w for i, w in pairs if len(w) >= LEAST_JOINED and not is_han(w) and self._holds(w)}


def _in_no(held: list[str], pieces: list[str]) -> list[str]:
    """What of Chinese pieces no word that is held covers, longest first, none within another.

    A piece may be made of others, or part of one: that it is unknown by itself says nothing.
    """
    covered = {character for word in held for character in word}
    left = dict.fromkeys("".join(c for c in piece if c not in covered) for piece in pieces)
    out: list[str] = []
    for rest in sorted(filter(None, left), key=len, reverse=True):
        if not any(rest in longer for longer in out):
            out.append(rest)
    return out
