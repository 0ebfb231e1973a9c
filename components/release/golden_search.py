"""Golden queries: fixed searches with what the release's index found when it was made.

Checksums show that the bytes are the same; these show that this machine's analysis, dictionaries and libraries still
find the same. Items of equal score may stand in another order, for a processor that rounds otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from components.core import schema
from components.core.errors import ReleaseError
from components.search.index import SearchIndex

K = 10
TITLES = 3
WORDS_OF_A_TITLE = 4
RELATIVE, ABSOLUTE = 1e-4, 1e-5
NO_WORD = "qwzxqwzx"


def queries(index: SearchIndex) -> list[str]:
    """Words of titles spread over the index, one word alone, one spelt wrongly, a word that no item holds, nothing."""
    titles = index.items[schema.TITLE]
    spread = [titles[n * len(titles) // TITLES].as_py() or "" for n in range(min(TITLES, len(titles)))]
    asked = [" ".join(title.split()[:WORDS_OF_A_TITLE])[:80] for title in spread]
    word = next(iter((asked or [""])[0].split()), "")
    return list(dict.fromkeys([*asked, word, f"{word[:2]}{word[3:]}", NO_WORD, ""]))


def make(index: SearchIndex) -> list[dict[str, Any]]:
    """The golden queries with this index's answers."""
    return [{"query": query, "answer": _answer(index, query)} for query in queries(index)]


def check(index: SearchIndex, golden: list[dict[str, Any]]) -> None:
    """Search for all of them again; ReleaseError on the first answer that differs, or if there are none."""
    if not golden:
        raise ReleaseError("release: its search index has no golden queries; assemble it again.")
    for expected in golden:
        found, wanted = _answer(index, expected["query"]), expected["answer"]
        if not _same(found, wanted):
            raise ReleaseError(
                f"release: the golden query {expected['query']!r} is not answered as it was: expected "
                f"{wanted['items'][:3]} …, found {found['items'][:3]} …; its search index was made by other code or "
                "altered."
            )


def _answer(index: SearchIndex, query: str) -> dict[str, Any]:
    found = index.search(query, K)
    return {
        "items": [str(item) for item in index.ids(found.hits.rows)],
        "scores": [float(score) for score in found.hits.scores],
        "fallback": found.fallback,
    }


def _same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether the scores are the same, and every item has its own; one that fell out must tie with the last."""
    if found["fallback"] != wanted["fallback"] or len(found["items"]) != len(wanted["items"]):
        return False
    if not wanted["items"]:
        return True
    scores = dict(zip(found["items"], found["scores"], strict=True))
    its_own = [scores.get(item, found["scores"][-1]) for item in wanted["items"]]
    return all(
        np.allclose(scores, wanted["scores"], rtol=RELATIVE, atol=ABSOLUTE) for scores in (found["scores"], its_own)
    )
