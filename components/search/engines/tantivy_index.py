"""tantivy in the process: BM25 (k1 1.2, b 0.75) over words that were cut by us, filters and facets on columns.

An index is one segment with a fixed name, written by one thread, so that equal documents give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.core import bundle
from components.core.errors import BundleError
from components.search.engine import (
    BRAND_KEY,
    CATEGORY_KEY,
    FACETS,
    PRICE,
    ROW,
    STOCK,
    WORD_FIELDS,
    Document,
    FieldWeights,
    Filters,
    Hits,
    Question,
    Term,
    widened,
)

if TYPE_CHECKING:
    import tantivy

WORDS = "words"  # our tokenizer: blanks part words
ONE_SEGMENT = 3_000_000_000  # bytes of the writer; a catalogue of some ten million titles stays one segment
SMALL_SEGMENT = 300_000_000
SMALL = 200_000  # documents
META, MANAGED = "meta.json", ".managed.json"
LOCKS = (".tantivy-meta.lock", ".tantivy-writer.lock")  # empty files that opening makes; sealed, they change nothing
UNKNOWN_STOCK = 1.0  # passes `in_stock`
LARGEST_PRICE = 1e12


def write(folder: Path, documents: Iterable[Document], n: int) -> None:
    """Index n documents into an empty folder."""
    import tantivy

    index = tantivy.Index(_schema(), path=str(folder), reuse=False)
    index.register_tokenizer(WORDS, _blanks())
    writer = index.writer(heap_size=SMALL_SEGMENT if n < SMALL else ONE_SEGMENT, num_threads=1)
    for document in documents:
        writer.add_document(_tantivy_document(document))
    writer.commit()
    writer.wait_merging_threads()
    _name_segments(folder)


class TantivyEngine:
    """A sealed folder that `write` made, open for reading."""

    def __init__(self, folder: Path):
        """BundleError if it is no index that this version of tantivy reads."""
        import tantivy

        self._t = tantivy
        try:
            index = tantivy.Index.open(str(folder))
            index.register_tokenizer(WORDS, _blanks())
            self._searcher = index.searcher()
            self._schema = index.schema
        except (ValueError, OSError) as e:
            raise BundleError(f"{folder}: not an index that this tantivy reads ({e}); build it again.") from None

    def find(self, question: Question, k: int, kept: np.ndarray | None = None) -> Hits:
        """The k best rows; as SearchEngine."""
        if kept is None:
            return self._best(question, k)
        return widened(lambda asked: self._best(question, asked), k, kept, len(kept))

    def _best(self, question: Question, k: int) -> Hits:
        found = self._searcher.search(self._query(question), k, count=False).hits
        if not found:
            return Hits(np.zeros(0, np.int32), np.zeros(0, np.float32))
        rows = self._searcher.fast_field_values(ROW, [address for _, address in found])
        return Hits(np.array(rows, np.int32), np.array([score for score, _ in found], np.float32))

    def count(self, question: Question) -> int:
        """How many documents match; as SearchEngine."""
        return self._searcher.search(self._query(question), 1).count

    def facets(self, question: Question, most: int) -> dict[str, list[tuple[str, int]]]:
        """Counts of categories and brands; as SearchEngine."""
        wanted = {name: {"terms": {"field": key, "size": most}} for name, key in FACETS.items()}
        found = self._searcher.aggregate(self._query(question), wanted)
        return {
            name: sorted(
                ((b["key"], int(b["doc_count"])) for b in found[name]["buckets"] if b["key"]),
                key=lambda pair: (-pair[1], pair[0]),
            )
            for name in FACETS
        }

    @cached_property
    def _every(self) -> tantivy.Query:
        return self._t.Query.const_score_query(self._t.Query.all_query(), 0.0)

    def _query(self, question: Question) -> tantivy.Query:
        words = self._words(question)
        if not question.filters.any:
            return words
        must = self._t.Occur.Must
        narrowed = [(must, self._t.Query.const_score_query(q, 0.0)) for q in self._filters(question.filters)]
        return self._t.Query.boolean_query([(must, words), *narrowed])

    def _words(self, question: Question) -> tantivy.Query:
        """Words any of which may match are one flat disjunction, which tantivy answers without scoring everything."""
        if not question.terms:
            return self._every
        q, occur = self._t.Query, self._t.Occur
        if question.at_least <= 1:
            return q.boolean_query(
                [(occur.Should, c) for t in question.terms for c in self._places(t, question.weights)]
            )
        groups = [
            q.boolean_query([(occur.Should, c) for c in self._places(term, question.weights)])
            for term in question.terms
        ]
        if question.at_least >= len(groups):
            return q.boolean_query([(occur.Must, group) for group in groups])
        return q.boolean_query([(occur.Should, group) for group in groups], question.at_least)

    def _places(self, term: Term, weights: FieldWeights) -> list[tantivy.Query]:
        q = self._t.Query
        return [
            q.boost_query(q.term_query(self._schema, name, word, "freq"), weight * share)
            for word, share in term.alternatives
            for name, weight in weights.pairs()
        ]

    def _filters(self, filters: Filters) -> list[tantivy.Query]:
        q, kind = self._t.Query, self._t.FieldType
        out = []
        for key, values in ((CATEGORY_KEY, filters.categories), (BRAND_KEY, filters.brands)):
            if values is not None:
                out.append(q.term_set_query(self._schema, key, list(values)) if values else q.empty_query())
        if filters.min_price is not None or filters.max_price is not None:
            low = 0.0 if filters.min_price is None else float(filters.min_price)
            high = LARGEST_PRICE if filters.max_price is None else float(filters.max_price)
            out.append(q.range_query(self._schema, PRICE, kind.Float, lower_bound=low, upper_bound=high))
        if filters.in_stock:
            out.append(q.range_query(self._schema, STOCK, kind.Float, lower_bound=1e-9, upper_bound=LARGEST_PRICE))
        return out


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in WORD_FIELDS:
        builder.add_text_field(name, tokenizer_name=WORDS, index_option="freq")
    for name in (CATEGORY_KEY, BRAND_KEY):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in (PRICE, STOCK):
        builder.add_float_field(name, fast=True)
    builder.add_unsigned_field(ROW, fast=True)
    return builder.build()


def _blanks() -> tantivy.TextAnalyzer:
    import tantivy

    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def _tantivy_document(document: Document) -> tantivy.Document:
    import tantivy

    out = tantivy.Document()
    for name, words in document.words.items():
        if words:
            out.add_text(name, words)
    for category in document.categories:
        out.add_text(CATEGORY_KEY, category)
    if document.brand:
        out.add_text(BRAND_KEY, document.brand)
    if document.price is not None:
        out.add_float(PRICE, document.price)
    out.add_float(STOCK, UNKNOWN_STOCK if document.stock is None else document.stock)
    out.add_unsigned(ROW, document.row)
    return out


def _name_segments(folder: Path) -> None:
    """Names that depend on nothing but the order, in place of random ones."""
    meta: dict[str, Any] = bundle.read_json(folder / META)
    for number, segment in enumerate(meta["segments"], 1):
        old, new = segment["segment_id"].replace("-", ""), f"{number:032x}"
        for file in sorted(folder.glob(f"{old}.*")):
            file.rename(folder / file.name.replace(old, new))
        segment["segment_id"] = f"{new[:8]}-{new[8:12]}-{new[12:16]}-{new[16:20]}-{new[20:]}"
    bundle.write_text(folder / META, json.dumps(meta))
    managed = sorted([META, *(p.name for p in folder.iterdir() if p.name[0] != "." and p.name != META)])
    bundle.write_text(folder / MANAGED, json.dumps(managed))
    for name in LOCKS:
        (folder / name).touch()
