"""Judgments: which item is how relevant to which query, from any table, with what cannot be used counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from components.core import schema
from components.core.errors import DataError
from components.search import columns, tables

QUERY, ITEM, GRADE = "query", "item", "grade"
GUESSES: dict[str, tuple[str, ...]] = {
    QUERY: ("query", "query_text", "search_query", "search_term", "search_terms", "text", "keyword", "keywords", "q",
            "搜索词", "查询", "关键词"),
    ITEM: ("item_id", "product_id", "item", "sku", "asin", "doc_id", "docid", "document_id", "product", "id", "商品id"),
    GRADE: ("grade", "relevance", "rating", "label", "score", "judgment", "judgement", "gain", "esci_label",
            "relevancy", "相关性"),
}  # fmt: skip
LARGEST_GRADE = 1000.0
MOST_TOLD = 5


@dataclass(frozen=True)
class Judgments:
    """Judged queries in the order in which they first come.

    grades  query → item id → grade; 0 is irrelevant
    counts  what was left out, in words → judgments
    examples  what was left out, in words → some of it as it was written
    """

    grades: dict[str, dict[str, float]]
    counts: dict[str, int]
    examples: dict[str, tuple[str, ...]]
    found: dict[str, tuple[str, ...]]


def read_judgments(
    path: Path, given: Mapping[str, Sequence[str]], words: Mapping[str, float], known: Sequence[str]
) -> Judgments:
    """Judgments of a file.

    given   role → columns, where guessing is not to be
    words   grade written as a word → its number, as {"exact": 2}; letter case does not count
    known   item ids of the catalogue
    Raises  DataError if a column is not found, or nothing of it can be used
    """
    read = tables.read(path, "judgments")
    found = columns.choose(read.table.column_names, given, GUESSES, (QUERY, ITEM, GRADE), str(path))
    judgments = judged(read.table, found, words, known)
    if read.rejected:
        judgments.counts["lines that are no rows"] = read.rejected
    if not judgments.grades:
        told = "; ".join(f"{count:,} {reason}" for reason, count in judgments.counts.items()) or "it holds no rows"
        raise DataError(
            f"{path}: not one judgment can be used ({told}); name the columns with --query, --item and --grade, and "
            "grades that are words with --grades, as in exact=2,partial=1,irrelevant=0."
        )
    return judgments


def of_canonical(table: pa.Table, known: Sequence[str]) -> Judgments:
    """Judgments of the canonical table `queries`; there may be none."""
    found = {QUERY: (schema.TEXT,), ITEM: (schema.ITEM_ID,), GRADE: (schema.RELEVANCE,)}
    return judged(table, found, {}, known)


def judged(
    table: pa.Table, found: dict[str, tuple[str, ...]], words: Mapping[str, float], known: Sequence[str]
) -> Judgments:
    """The usable judgments of a table; of two for one query and item the higher grade counts."""
    catalogue, worded = set(known), {word.casefold(): grade for word, grade in words.items()}
    grades: dict[str, dict[str, float]] = {}
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    queries, items, written = (tables.texts(table, found[role])[0] for role in (QUERY, ITEM, GRADE))
    for query, item, raw in zip(queries, items, written, strict=True):
        wrong, grade = _grade(raw, worded)
        wrong = _unusable(query, item, catalogue) or wrong
        if wrong is not None:
            counts[wrong] += 1
            told = examples.setdefault(wrong, [])
            if len(told) < MOST_TOLD:
                told.append(f"{query} · {item} · {raw}"[:120])
            continue
        own = grades.setdefault(query.strip(), {})
        if item in own:
            counts["judged twice, the higher grade counts"] += 1
        own[item] = max(grade, own.get(item, 0.0))
    return Judgments(grades, dict(counts), {k: tuple(v) for k, v in examples.items()}, found)


def _unusable(query: str | None, item: str | None, catalogue: set[str]) -> str | None:
    if not query or not query.strip():
        return "without a query, left out"
    if item not in catalogue:
        return "of items that are not in the index, left out"
    return None


def _grade(raw: str | None, worded: dict[str, float]) -> tuple[str | None, float]:
    """What is wrong with a grade, or None, and its number."""
    text = (raw or "").strip()
    if text.casefold() in worded:
        return None, worded[text.casefold()]
    try:
        grade = float(text)
    except ValueError:
        return "with a grade that is no number, left out", 0.0
    if not math.isfinite(grade) or grade > LARGEST_GRADE:
        return "with a grade out of range, left out", 0.0
    if grade < 0:
        return "with a grade below zero, left out", 0.0
    return None, grade
