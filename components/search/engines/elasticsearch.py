"""Elasticsearch or OpenSearch over plain HTTP, for shops that have one; the same words, filters and facets as tantivy.

An index there is named by what ours holds, so that a new build never changes what is being searched, and two pushes
under one name send the same. Whole is one that holds every document; only such a one is asked. The API key comes from
SHOPLOOP_SEARCH_KEY. Tested against an exchange written down from the servers' documentation, not against a
server.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from components.core.addresses import server_address
from components.core.errors import ConfigError, ShoploopError
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

KEY_VARIABLE = "SHOPLOOP_SEARCH_KEY"
TIMEOUT_S = 5.0
BULK = 1000  # documents a request
LARGEST_ANSWER = 20_000_000  # bytes
LONGEST_REASON = 300
WINDOW = 10_000  # rows of one answer, as servers have it by default (index.max_result_window)
MOST_TERMS = 65_536  # of one filter, likewise (index.max_terms_count)
MAPPING = {
    "settings": {"number_of_shards": 1},
    "mappings": {
        "dynamic": False,
        "properties": {
            name: {"type": "text", "analyzer": "whitespace", "index_options": "freqs"} for name in WORD_FIELDS
        }
        | {name: {"type": "keyword"} for name in (CATEGORY_KEY, BRAND_KEY)}
        | {name: {"type": "double"} for name in (PRICE, STOCK)}
        | {ROW: {"type": "integer"}},
    },
}


EVERYTHING = {"query": {"match_all": {}}}
TAKEN, MISSING = "resource_already_exists_exception", "index_not_found_exception"  # types of the servers' errors


class EngineError(ShoploopError):
    """The search server does not answer, or not as it should; says nothing about the index."""


def index_name(digest: str) -> str:
    """The name there of the index whose digest this is."""
    return f"shoploop-{digest[:16]}"


class ElasticsearchEngine:
    """One index of one server."""

    def __init__(self, url: str, name: str):
        """url: http(s)://host:port without a path; ConfigError if it is none."""
        try:
            self._base = server_address(url)
        except ValueError as e:
            raise ConfigError(f"search engine: {e}; an API key is taken from {KEY_VARIABLE}.") from None
        self._name = name

    def write(self, documents: Iterable[Document]) -> None:
        """Make the index and send all documents.

        What a push that was interrupted left is completed: a document goes by its row, and takes its own place again.
        Nothing is deleted, for another push may be filling the same index.
        Raises EngineError
        """
        try:
            self._call("PUT", "", MAPPING)
        except EngineError as e:
            if TAKEN not in str(e):
                raise
        for block in _blocks(documents):
            self._send(block)
        self._call("POST", "/_refresh", None)

    def size(self) -> int:
        """How many documents it holds that can be found; 0 where there is no such index. EngineError."""
        try:
            return int(self._call("POST", "/_count", EVERYTHING)["count"])
        except EngineError as e:
            if MISSING not in str(e):
                raise
            return 0

    def _send(self, block: bytes) -> None:
        answer = self._call("POST", "/_bulk", block)
        if answer.get("errors"):
            raise EngineError(f"{self._base}: it did not take all documents: {_first_error(answer)}")

    def find(self, question: Question, k: int, kept: np.ndarray | None = None) -> Hits:
        """The k best rows, of 10,000 at most; as SearchEngine.

        Where the best 10,000 hold too few of those kept, the server is told which rows these are.
        """
        if kept is None:
            return self._best(query(question), min(k, WINDOW))
        found = widened(lambda asked: self._best(query(question), asked), k, kept, WINDOW)
        return self._among(question, min(k, WINDOW), np.flatnonzero(kept)) if found is None else found

    def _among(self, question: Question, k: int, rows: np.ndarray) -> Hits:
        """The k best of these rows, asked for in as many parts as the server takes."""
        parts = []
        for start in range(0, len(rows), MOST_TERMS):
            only = {"terms": {ROW: rows[start : start + MOST_TERMS].tolist()}}
            parts.append(self._best({"bool": {"must": [query(question)], "filter": [only]}}, k))
        found, scores = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "scores"))
        order = np.lexsort((found, -scores))[:k]
        return Hits(found[order], scores[order])

    def _best(self, asked: dict[str, Any], k: int) -> Hits:
        body = {
            "size": k, "_source": False, "track_total_hits": False, "docvalue_fields": [ROW],
            "query": asked, "sort": [{"_score": "desc"}, {ROW: "asc"}],
        }  # fmt: skip
        hits = self._call("POST", "/_search", body)["hits"]["hits"]
        rows = np.array([hit["fields"][ROW][0] for hit in hits], np.int32)
        return Hits(rows, np.array([hit["_score"] or 0.0 for hit in hits], np.float32))

    def count(self, question: Question) -> int:
        """How many documents match; as SearchEngine."""
        return int(self._call("POST", "/_count", {"query": query(question)})["count"])

    def facets(self, question: Question, most: int) -> dict[str, list[tuple[str, int]]]:
        """Counts of categories and brands; as SearchEngine."""
        wanted = {name: {"terms": {"field": key, "size": most}} for name, key in FACETS.items()}
        found = self._call("POST", "/_search", {"size": 0, "query": query(question), "aggs": wanted})["aggregations"]
        return {
            name: sorted(((b["key"], b["doc_count"]) for b in found[name]["buckets"]), key=lambda p: (-p[1], p[0]))
            for name in FACETS
        }

    def _call(self, method: str, path: str, body: Any) -> Any:
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        headers = {"Content-Type": kind, "Accept": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"ApiKey {key}"
        request = urllib.request.Request(f"{self._base}/{self._name}{path}", raw, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http(s), checked above
                return json.loads(answer.read(LARGEST_ANSWER))
        except urllib.error.HTTPError as e:
            said = e.read(LONGEST_REASON).decode("utf-8", "replace")
            raise EngineError(f"{self._base}: {method} {self._name}{path} was answered by {e.code}: {said}") from None
        except (OSError, ValueError) as e:
            raise EngineError(f"{self._base}: no answer that can be read ({e}); is the server up?") from None


def query(question: Question) -> dict[str, Any]:
    """The question in the servers' own words."""
    words: dict[str, Any] = {"match_all": {"boost": 0.0}}
    if question.terms:
        should = [_places(term, question.weights) for term in question.terms]
        words = {"bool": {"should": should, "minimum_should_match": max(question.at_least, 1)}}
    narrowed = _filters(question.filters)
    return {"bool": {"must": [words], "filter": narrowed}} if narrowed else words


def _places(term: Term, weights: FieldWeights) -> dict[str, Any]:
    places = [
        {"term": {name: {"value": word, "boost": round(weight * share, 6)}}}
        for word, share in term.alternatives
        for name, weight in weights.pairs()
    ]
    return {"bool": {"should": places, "minimum_should_match": 1}}


def _filters(filters: Filters) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for key, values in ((CATEGORY_KEY, filters.categories), (BRAND_KEY, filters.brands)):
        if values is not None:
            out.append({"terms": {key: list(values)}})
    bounds = {"gte": filters.min_price, "lte": filters.max_price}
    if bounds := {name: value for name, value in bounds.items() if value is not None}:
        out.append({"range": {PRICE: bounds}})
    if filters.in_stock:
        out.append({"range": {STOCK: {"gt": 0}}})
    return out


def _blocks(documents: Iterable[Document]) -> Iterator[bytes]:
    lines: list[str] = []
    for document in documents:
        source = dict(document.words) | {ROW: document.row, STOCK: 1.0 if document.stock is None else document.stock}
        source |= {CATEGORY_KEY: list(document.categories)} if document.categories else {}
        source |= {BRAND_KEY: document.brand} if document.brand else {}
        source |= {PRICE: document.price} if document.price is not None else {}
        lines += [json.dumps({"index": {"_id": str(document.row)}}), json.dumps(source, ensure_ascii=False)]
        if len(lines) >= 2 * BULK:
            yield ("\n".join(lines) + "\n").encode()
            lines = []
    if lines:
        yield ("\n".join(lines) + "\n").encode()


def _first_error(answer: dict[str, Any]) -> str:
    failed = (item["index"]["error"] for item in answer.get("items", ()) if "error" in item.get("index", {}))
    return json.dumps(next(failed, "no reason given"))[:LONGEST_REASON]
