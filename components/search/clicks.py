"""Synonyms from clicks: two words are alike where queries that differ in just them lead to the same items.

It drafts a file for a person to read: "red dress" and "blue dress" may share clicks too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from components.search import columns, tables
from components.search.analysis import Analyzer, is_han
from components.search.judgments import GUESSES as JUDGED
from components.search.judgments import ITEM, QUERY

COUNT = "count"
GUESSES = {QUERY: JUDGED[QUERY], ITEM: JUDGED[ITEM], COUNT: ("clicks", "count", "n", "purchases", "点击", "次数")}
LARGEST_FRAME = 400  # queries that differ in one word; of more the most clicked are compared
LONGEST_QUERY = 8  # words
LEAST_WORD = 2  # letters

Clicks = dict[tuple[str, ...], dict[str, float]]  # words of a query → item → clicks


@dataclass(frozen=True)
class Alike:
    """Two words; cosine: of the clicks of the queries that differ in them; shared: items that both led to."""

    one: str
    other: str
    cosine: float
    shared: int


def read_clicks(path: Path, given: Mapping[str, Sequence[str]], analyzer: Analyzer) -> Clicks:
    """Clicks of a file: query, item, and perhaps how many; DataError if a column is not found."""
    read = tables.read(path, "clicks")
    found = columns.choose(read.table.column_names, given, GUESSES, (QUERY, ITEM), str(path))
    queries, items = (tables.texts(read.table, found[role])[0] for role in (QUERY, ITEM))
    counts = tables.numbers(read.table, found[COUNT])
    out: Clicks = defaultdict(lambda: defaultdict(float))
    for query, item, count in zip(queries, items, counts, strict=True):
        words = tuple(sorted(set(analyzer.words(query or ""))))
        if item and 0 < len(words) <= LONGEST_QUERY and (count is None or count > 0):
            out[words][item] += 1.0 if count is None else count
    return out


def read_queries(path: Path) -> dict[str, float]:
    """Queries of a file, as they were typed, and how often each was asked; a row without a count is one."""
    read = tables.read(path, "queries")
    guesses = {role: GUESSES[role] for role in (QUERY, COUNT)}
    found = columns.choose(read.table.column_names, {}, guesses, (QUERY,), str(path))
    out: dict[str, float] = defaultdict(float)
    counts = tables.numbers(read.table, found[COUNT])
    for query, count in zip(tables.texts(read.table, found[QUERY])[0], counts, strict=True):
        if query and query.strip() and (count is None or 0 < count < float("inf")):
            out[query.strip()] += 1.0 if count is None else count
    return dict(out)


def learn(clicks: Clicks, *, least_cosine: float = 0.3, least_shared: int = 3) -> list[Alike]:
    """Pairs of words, the surest first; numbers, single letters and what spelling mends anyway are left out.

    least_cosine  of the click counts of two queries that differ in one word, averaged over such pairs of queries
    least_shared  items that both led to, over all pairs of queries
    """
    frames: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for words in clicks:
        for word in words:
            frames[tuple(w for w in words if w != word)].append(words)
    found: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for frame, queries in frames.items():
        busiest = sorted(queries, key=lambda q: (-sum(clicks[q].values()), q))[:LARGEST_FRAME]
        for one, other in combinations(busiest, 2):
            a, b = (next(w for w in q if w not in frame) for q in (one, other))
            if _comparable(a, b):
                found[min(a, b), max(a, b)].append(_likeness(clicks[one], clicks[other]))
    pairs = [
        Alike(a, b, float(np.mean([c for c, _ in seen])), sum(n for _, n in seen)) for (a, b), seen in found.items()
    ]
    sure = [p for p in pairs if p.cosine >= least_cosine and p.shared >= least_shared]
    return sorted(sure, key=lambda p: (-p.cosine * np.log1p(p.shared), p.one, p.other))


def drafted(pairs: Sequence[Alike]) -> str:
    """The text of a synonyms file, one pair a line, with what speaks for it."""
    head = "# Drafted from clicks: read it, delete what is wrong, then build with --synonyms.\n"
    return head + "".join(f"{p.one}, {p.other}  # {p.cosine:.2f}, {p.shared} shared items\n" for p in pairs)


def _comparable(one: str, other: str) -> bool:
    from rapidfuzz.distance import OSA

    if any(c.isdigit() for c in one + other) or one in other or other in one:
        return False
    if is_han(one) or is_han(other):
        return min(len(one), len(other)) >= LEAST_WORD
    return min(len(one), len(other)) > LEAST_WORD and OSA.distance(one, other) > 2


def _likeness(one: dict[str, float], other: dict[str, float]) -> tuple[float, int]:
    shared = one.keys() & other.keys()
    dot = sum(one[item] * other[item] for item in shared)
    lengths = np.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return (dot / lengths if lengths else 0.0), len(shared)
