"""A search index in memory: a query in, ranked items out. No clock, no framework."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core import schema
from components.retrieval.vectors import Vectors
from components.search.dense import Space
from components.search.engine import (
    BRAND,
    CATEGORY,
    FACETS,
    PRICE,
    STOCK,
    FieldWeights,
    Filters,
    Hits,
    Question,
    SearchEngine,
)
from components.search.fusion import fuse
from components.search.suggest import Suggester
from components.search.understanding import Understanding, Understood

Mode = Literal["lexical", "dense", "fused"]
LEXICAL, DENSE, FUSED = "lexical", "dense", "fused"
MODES = (LEXICAL, DENSE, FUSED)
DEEP = 200  # rows of either list that fusion looks at
COUNTED_BY_ONE = 5000  # matches
MOST_COMPLETED = 8  # last words that are tried, for each is looked up
LEAST_COSINE = 0.35  # of an item that is offered because nothing holds the words
SOME_WORDS, CORRECTED, SIMILAR, POPULAR, NOTHING = "some_words", "corrected", "similar", "popular", "nothing"
SUBSTITUTES = (SIMILAR, POPULAR, NOTHING)  # fallbacks whose items hold none of the words
FALLBACKS = {
    SOME_WORDS: "no item, or too few, hold all the words; these hold some",
    CORRECTED: "a word that no item holds was taken for one that is near",
    SIMILAR: "no item holds any of the words; these are the nearest in meaning",
    POPULAR: "nothing was found; these are popular",
    NOTHING: "nothing passes the filters",
}


@dataclass(frozen=True)
class Found:
    """Rows best first; fallback is a key of FALLBACKS, or None where all is as asked."""

    hits: Hits
    understood: Understood
    fallback: str | None


@dataclass(frozen=True)
class Parts:
    """What an index is made of. `load.load` reads it from a sealed folder."""

    meta: dict[str, Any]
    digest: str
    items: pa.Table
    engine: SearchEngine
    understanding: Understanding
    suggester: Suggester
    space: Space | None
    vectors: Vectors | None


class SearchIndex:
    """Read-only, so that any number of threads may ask at once."""

    def __init__(self, parts: Parts):
        """All parts are of one build."""
        self.parts = parts
        self.digest = parts.digest
        self.items = parts.items
        self.mode: Mode = parts.meta["mode"]
        self.weights = FieldWeights.model_validate(parts.meta["weights"])

    def __len__(self) -> int:
        return self.items.num_rows

    def warm(self) -> None:
        """Load what is loaded on first use: dictionaries, the speller's lists, the names filters go by."""
        self.search("qwzxqwzx 水", 1)
        self.suggest("qwzxqwzx", 1)
        self._resolved(Filters(categories=("",), brands=("",)))

    def search(
        self,
        query: str,
        k: int,
        filters: Filters | None = None,
        mode: Mode | None = None,
        kept: np.ndarray | None = None,
    ) -> Found:
        """The k best rows for a query; an empty query gets what is popular.

        mode  None takes what the build found best
        kept  bool (rows,), what may be shown whatever is asked for; None: all
        """
        filters = self._resolved(filters or Filters())
        understood = self.parts.understanding(query)
        mode = mode or self.mode
        if mode != LEXICAL and self.parts.space is None:
            mode = LEXICAL
        lists = []
        complete = True
        if mode != DENSE:
            found, complete = self._lexical(understood, max(k, DEEP if mode == FUSED else k), filters, kept)
            lists.append((found, 1.0))
        if mode != LEXICAL:
            lists.append((self._dense(understood, max(k, DEEP), filters, kept), 1.0))
        hits = lists[0][0] if len(lists) == 1 else fuse(lists, k)
        hits = Hits(hits.rows[:k], hits.scores[:k])
        if len(hits.rows):
            return Found(hits, understood, _told(understood, complete))
        return self._nothing(query, understood, k, filters, kept)

    def facets(
        self, found: Found, filters: Filters | None, most: int, kept: np.ndarray | None = None
    ) -> tuple[int, dict[str, list[tuple[str, int]]]]:
        """How many items match, and the values most frequent among them; none where what is shown is a substitute.

        kept  as in `search`; beyond 5,000 matches the others are counted too, for then nobody looks at each
        """
        if found.fallback in SUBSTITUTES:
            return 0, {name: [] for name in FACETS}
        question = self._question(found.understood, self._resolved(filters or Filters()))
        if found.fallback == SOME_WORDS or not len(self.parts.engine.find(question, 1, kept).rows):
            question = _some(question)
        count = self.parts.engine.count(question)
        if kept is not None and count <= COUNTED_BY_ONE:
            return self._counted(self.parts.engine.find(question, max(count, 1), kept).rows, most)
        return count, self.parts.engine.facets(question, most)

    def _counted(self, rows: np.ndarray, most: int) -> tuple[int, dict[str, list[tuple[str, int]]]]:
        """The same of these rows, one by one."""
        shown = self.items.take(pa.array(rows))
        values = {name: shown[column].to_pylist() for name, column in (("category", CATEGORY), ("brand", BRAND))}
        flat = {"category": [v for levels in values["category"] for v in set(levels or ())], "brand": values["brand"]}
        counts = {name: Counter(filter(None, of)) for name, of in flat.items()}
        return len(rows), {
            name: sorted(counts[name].items(), key=lambda pair: (-pair[1], pair[0]))[:most] for name in FACETS
        }

    def describe(self, rows: np.ndarray) -> list[dict[str, Any]]:
        """item_id, title, category levels, brand, price and stock of rows, in their order."""
        names = [schema.ITEM_ID, "title", CATEGORY, BRAND, PRICE, STOCK]
        return self.items.select(names).take(pa.array(rows)).to_pylist()

    def ids(self, rows: np.ndarray) -> list[str]:
        """Item ids of rows."""
        return self.items[schema.ITEM_ID].take(pa.array(rows)).to_pylist()

    def suggest(
        self, typed: str, k: int, kept: np.ndarray | None = None, hidden: Collection[str] = ()
    ) -> list[dict[str, str]]:
        """Completions of what was typed: what begins so, then it with its last word completed, where items hold that.

        kept, hidden  as in `search`, and the titles that are not offered then
        """
        found = self.parts.suggester.complete(typed, k, hidden)
        if len(found) < k:
            words = self.parts.suggester.last_word(typed, min(k - len(found), MOST_COMPLETED), found)
            found += [word for word in words if self._finds(word.text, kept)]
        return [{"text": s.text, "kind": s.kind} for s in found]

    def _finds(self, text: str, kept: np.ndarray | None) -> bool:
        """Whether an item holds all of these words, as they stand."""
        understood = self.parts.understanding(text)
        if not understood.terms or understood.dropped or understood.corrected is not None:
            return False
        return len(self.parts.engine.find(self._question(understood, Filters()), 1, kept).rows) > 0

    def _question(self, understood: Understood, filters: Filters) -> Question:
        return Question(understood.terms, len(understood.terms), filters, self.weights)

    def _lexical(self, understood: Understood, k: int, filters: Filters, kept: np.ndarray | None) -> tuple[Hits, bool]:
        """Items that hold all words, then, where they are fewer than k, items that hold some; whether all have all."""
        if not understood.terms:
            return Hits(np.zeros(0, np.int32), np.zeros(0, np.float32)), False
        question = self._question(understood, filters)
        hits = self.parts.engine.find(question, k, kept)
        if len(hits.rows) >= k or len(understood.terms) == 1:
            return hits, not understood.dropped
        more = self.parts.engine.find(_some(question), k, kept)
        new = ~np.isin(more.rows, hits.rows)
        lift = max(0.0, float(more.scores.max(initial=0)) - float(hits.scores.min(initial=np.inf)) + 1e-3)
        scores = np.concatenate([hits.scores + (lift if len(hits.rows) else 0), more.scores[new]])
        complete = bool(len(hits.rows)) and not understood.dropped
        return Hits(np.concatenate([hits.rows, more.rows[new]])[:k], scores[:k]), complete

    def _dense(self, understood: Understood, k: int, filters: Filters, kept: np.ndarray | None) -> Hits:
        vector = self.parts.space.embed([*understood.words, *understood.dropped])
        if vector is None:
            return Hits(np.zeros(0, np.int32), np.zeros(0, np.float32))
        allowed = self.allowed(filters)
        both = kept if allowed is None else allowed if kept is None else allowed & kept
        return Hits(*self.parts.vectors.nearest(vector, k, both))

    def _nothing(self, query: str, understood: Understood, k: int, filters: Filters, kept: np.ndarray | None) -> Found:
        """Nothing holds the words: the nearest in meaning, else what is popular among what passes the filters.

        Who types nothing at all asks for what is popular, and gets it; of `???` or a smiley it is a substitute.
        """
        if self.parts.space is not None and (understood.words or understood.dropped):
            near = self._dense(understood, k, filters, kept)
            close = near.scores >= LEAST_COSINE
            if close.any():
                return Found(Hits(near.rows[close], near.scores[close]), understood, SIMILAR)
        popular = self.parts.engine.find(Question((), 0, filters, self.weights), k, kept)
        fallback = NOTHING if not len(popular.rows) else POPULAR if query.strip() else None
        return Found(popular, understood, fallback)

    def allowed(self, filters: Filters) -> np.ndarray | None:
        """bool (items,), true where an item passes resolved filters; None where nothing is restricted."""
        if not filters.any:
            return None
        mask = np.ones(len(self), dtype=bool)
        if filters.categories is not None:
            levels = self.items[CATEGORY].combine_chunks()
            inside = pc.is_in(levels.flatten(), pa.array(list(filters.categories), pa.string()))
            parents = levels.value_parent_indices() if hasattr(levels, "value_parent_indices") else None
            parents = pc.list_parent_indices(levels) if parents is None else parents
            mask[:] = False
            mask[np.asarray(parents)[np.asarray(inside)]] = True
        if filters.brands is not None:
            mask &= np.asarray(
                pc.is_in(self.items[BRAND].combine_chunks(), pa.array(list(filters.brands), pa.string()))
            )
        mask &= np.ones(1, bool) if filters.min_price is None else self._prices >= filters.min_price
        mask &= np.ones(1, bool) if filters.max_price is None else self._prices <= filters.max_price
        if filters.in_stock:
            mask &= ~(self._stocks <= 0)
        return mask

    def _resolved(self, filters: Filters) -> Filters:
        """Names of categories and brands as the catalogue spells them, whatever the letter case."""
        named = {"categories": self._category_names, "brands": self._brand_names}
        changes = {
            role: tuple(spelling for name in asked for spelling in names.get(name.casefold(), ()))
            for role, names in named.items()
            if (asked := getattr(filters, role)) is not None
        }
        return replace(filters, **changes)

    @cached_property
    def _category_names(self) -> dict[str, list[str]]:
        return _by_casefold(pc.unique(self.items[CATEGORY].combine_chunks().flatten()).to_pylist())

    @cached_property
    def _brand_names(self) -> dict[str, list[str]]:
        return _by_casefold(pc.unique(self.items[BRAND]).to_pylist())

    @cached_property
    def _prices(self) -> np.ndarray:
        return self.items[PRICE].to_numpy().astype(np.float64)

    @cached_property
    def _stocks(self) -> np.ndarray:
        return self.items[STOCK].to_numpy().astype(np.float64)


def _some(question: Question) -> Question:
    """The question that is content with one of the words; a mere character of a word does not do."""
    strong = tuple(term for term in question.terms if not term.weak)
    return replace(question, terms=strong or question.terms, at_least=1)


def _told(understood: Understood, complete: bool) -> str | None:
    if understood.corrected is not None:
        return CORRECTED
    return None if complete else SOME_WORDS


def _by_casefold(names: list[str | None]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for name in sorted(filter(None, names)):
        out.setdefault(name.casefold(), []).append(name)
    return out
