"""The port between search and whoever finds words in documents: what is asked, what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from pydantic import Field

from components.core.config import Config

TITLE, BRAND, CATEGORY, TEXT = "title", "brand", "category", "text"
WORD_FIELDS = (TITLE, BRAND, CATEGORY, TEXT)
CATEGORY_KEY, BRAND_KEY, PRICE, STOCK, ROW = "category_key", "brand_key", "price", "stock", "row"
FACETS = {"category": CATEGORY_KEY, "brand": BRAND_KEY}


class FieldWeights(Config):
    """What a word counts for, by where it stands."""

    title: float = Field(default=3.0, ge=0, le=20)
    brand: float = Field(default=1.5, ge=0, le=20)
    category: float = Field(default=1.0, ge=0, le=20)
    text: float = Field(default=0.5, ge=0, le=20)

    def pairs(self) -> list[tuple[str, float]]:
        """(field, weight) of the fields that count."""
        return [(name, getattr(self, name)) for name in WORD_FIELDS if getattr(self, name) > 0]


@dataclass(frozen=True)
class Term:
    """A word of the query with what may stand for it, each with its weight: the word itself 1, synonyms less.

    weak  a single character of a longer Chinese word that is a term itself: no reason to show an item
    """

    alternatives: tuple[tuple[str, float], ...]
    weak: bool = False


@dataclass(frozen=True)
class Filters:
    """What may be found; None does not restrict.

    categories, brands    names as the catalogue spells them, any of them
    min_price, max_price  both included; an item without a known price passes neither
    in_stock              an item whose stock is unknown passes
    """

    categories: tuple[str, ...] | None = None
    brands: tuple[str, ...] | None = None
    min_price: float | None = None
    max_price: float | None = None
    in_stock: bool = False

    @property
    def any(self) -> bool:
        """Whether anything is restricted."""
        return self != Filters()


@dataclass(frozen=True)
class Question:
    """Words to be found in documents.

    terms    none at all matches every document, with score 0
    at_least  how many of the terms must be there
    """

    terms: tuple[Term, ...]
    at_least: int = 1
    filters: Filters = field(default_factory=Filters)
    weights: FieldWeights = field(default_factory=FieldWeights)


@dataclass(frozen=True)
class Hits:
    """Rows of the index, best first, none twice; equal scores in the order of the rows."""

    rows: np.ndarray
    scores: np.ndarray


class Document(NamedTuple):
    """An item as an engine takes it: words already cut, joined by blanks, by field; keys and numbers for filters."""

    row: int
    words: dict[str, str]
    categories: Sequence[str]
    brand: str | None
    price: float | None
    stock: float | None


class SearchEngine(Protocol):
    """Finds rows by words. Any number of threads may ask at once."""

    def find(self, question: Question, k: int, kept: np.ndarray | None = None) -> Hits:
        """The k best rows; kept: bool (rows of the index,), of those where it is true; None: of all."""
        ...

    def count(self, question: Question) -> int:
        """How many documents match."""
        ...

    def facets(self, question: Question, most: int) -> dict[str, list[tuple[str, int]]]:
        """Facet → its most frequent values among all that match, with their counts, equal counts by name."""
        ...


def widened(find: Callable[[int], Hits], k: int, kept: np.ndarray, most: int) -> Hits | None:
    """The k best rows of those kept: `find` is asked for more until there are enough.

    most     rows that can be asked for at once
    Returns  None where so many hold too few of those kept, and there are more
    """
    asked, most_there = min(k, most), min(most, len(kept))
    while True:
        hits = find(asked)
        shown = kept[hits.rows]
        if shown.sum() >= k or len(hits.rows) < asked or asked >= len(kept):
            return Hits(hits.rows[shown][:k], hits.scores[shown][:k])
        if asked >= most_there:
            return None
        asked = min(4 * asked, most_there)


class Writer(Protocol):
    """Takes all documents of a fresh index, in the order of their rows, all or none."""

    def write(self, documents: Iterable[Document]) -> None:
        """Index them."""
        ...
