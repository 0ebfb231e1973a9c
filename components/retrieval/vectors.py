"""Nearest items by vector: exact in a small catalogue, inverted lists of bytes (faiss) in a large one.

The only room that knows faiss. Inverted lists by inner product keep more of the exact answer than distance lists
where lengths differ, and are made in a fifth of the time of a graph (HNSW); docs/decisions/0025 has the figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.core.errors import BundleError
from components.core.ranking import top_k

EXACT_UP_TO = 100_000  # items; an exact look costs about 3 ms there
LISTS = 512
TRAINED_ON = 40_000
FEWEST = 8  # lists that are looked into
CHECKED_AT = 100  # recall at so many items
LEAST_RECALL = 0.95
MARGIN = 0.02  # of recall, above the least, that the queries ask for which choose how many lists are looked into
EXACT_FILE, LISTS_FILE = "vectors.npy", "vectors.faiss"


class InvertedLists:
    """Vectors as bytes, in lists of neighbours of which a search looks into some; scores are nearly right."""

    def __init__(self, lists: object):
        """lists: of faiss."""
        self._lists = lists

    @classmethod
    def make(cls, vectors: np.ndarray, n_lists: int, trained_on: int, rng: np.random.Generator) -> InvertedLists:
        """vectors: float32 (n, d); trained_on: so many of them, drawn, place the lists."""
        import faiss

        lists = faiss.index_factory(vectors.shape[1], f"IVF{n_lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        lists.cp.seed = int(rng.integers(2**31 - 1))
        lists.train(vectors[np.sort(rng.choice(len(vectors), min(trained_on, len(vectors)), replace=False))])
        lists.add(vectors)
        return cls(lists)

    @classmethod
    def read(cls, path: Path) -> InvertedLists:
        """Read what `write` wrote, from a folder that was verified by its seal."""
        import faiss

        return cls(faiss.read_index(str(path)))

    def write(self, path: Path) -> None:
        """Into one file."""
        import faiss

        faiss.write_index(self._lists, str(path))

    @property
    def n_lists(self) -> int:
        """How many there are."""
        return self._lists.nlist

    def nearest(
        self, queries: np.ndarray, k: int, probed: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows, int64 (n, k), -1 where there are no more, and their inner products, float32 (n, k).

        queries  float32 (n, d)
        probed   lists that are looked into
        allowed  bool (items,), or None for all
        """
        import faiss

        chosen = None if allowed is None else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        how = faiss.SearchParametersIVF(nprobe=min(probed, self.n_lists), sel=chosen)
        scores, rows = self._lists.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=how)
        return rows, scores


class Vectors:
    """Unit vectors of all items, in the order of the index rows."""

    def __init__(self, exact: np.ndarray | None, lists: InvertedLists | None, probed: int = 0):
        """One of the two; probed: lists that are looked into, where there are lists."""
        self._exact = exact
        self._lists = lists
        self._probed = probed

    def nearest(self, vector: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The k rows of largest cosine, best first, and their cosines; allowed: bool (items,), or None for all."""
        if self._exact is not None:
            scores = self._exact @ vector
            if allowed is not None:
                scores = np.where(allowed, scores, -np.inf)
            rows = top_k(scores[None], k)[0]
            rows = rows[rows >= 0]
            return rows, scores[rows]
        rows, scores = self._lists.nearest(vector[None], k, self._probed, allowed)
        real = rows[0] >= 0
        return rows[0][real].astype(np.int32), scores[0][real]


class Checked(NamedTuple):
    """What lists keep of the exact 100 best rows, where so many are looked into.

    judges  queries that the recall is of; the others chose how many lists are looked into
    """

    lists: int
    probed: int
    recall: float
    judges: int


def checked(vectors: np.ndarray, lists: InvertedLists, queries: np.ndarray, least: float, spare: int = 1) -> Checked:
    """As few lists as half of the queries need for a little more than the least recall, judged by the other half.

    spare  times as many rows as wanted are taken from the lists, whose scores are rounded, and scored again
    """
    exact, half = _exact(vectors, queries, CHECKED_AT), len(queries) // 2
    probed = _enough(vectors, lists, queries[half:], exact[half:], min(1.0, least + MARGIN), spare)
    judging = slice(max(half, 1))
    recall = _recall(vectors, lists, queries[judging], exact[judging], probed, spare)
    return Checked(lists.n_lists, probed, recall, len(queries[judging]))


def write(
    folder: Path, vectors: np.ndarray, rng: np.random.Generator, queries: np.ndarray, exact_up_to: int = EXACT_UP_TO
) -> Checked | None:
    """Write the vectors in the form that suits their number; None where a look at all of them is quick enough.

    Lists that keep too little, however many are looked into, are not written: then every search looks at all items.

    queries  float32 (n, d), what may be asked
    """
    if len(vectors) <= exact_up_to or len(queries) < 2:
        _write_exact(folder, vectors)
        return None
    lists = InvertedLists.make(vectors, min(LISTS, len(vectors)), TRAINED_ON, rng)
    found = checked(vectors, lists, queries, LEAST_RECALL)
    if found.recall >= LEAST_RECALL:
        lists.write(folder / LISTS_FILE)
    else:
        _write_exact(folder, vectors)
    return found


def _write_exact(folder: Path, vectors: np.ndarray) -> None:
    np.save(folder / EXACT_FILE, vectors.astype(np.float16), allow_pickle=False)


def read(folder: Path, probed: int | None) -> Vectors:
    """Read what `write` wrote, from a folder that was verified by its seal; probed: as it said, if it did."""
    if (folder / EXACT_FILE).exists():
        return Vectors(np.load(folder / EXACT_FILE, allow_pickle=False).astype(np.float32), None)
    if probed is None:
        raise BundleError(f"{folder}: nobody checked what its lists keep; build the index again.")
    return Vectors(None, InvertedLists.read(folder / LISTS_FILE), probed)


def _exact(vectors: np.ndarray, queries: np.ndarray, at: int) -> np.ndarray:
    """int32 (n, at), the best items by a look at all products."""
    k = min(at, len(vectors))
    return np.stack([top_k((vectors @ query)[None], k)[0] for query in queries]) if len(queries) else np.zeros((0, k))


def _enough(
    vectors: np.ndarray, lists: InvertedLists, queries: np.ndarray, exact: np.ndarray, wanted: float, spare: int = 1
) -> int:
    """The smallest power of two of lists in which these queries find as much as wanted; all lists, where none is."""
    probed = FEWEST
    while probed < lists.n_lists and _recall(vectors, lists, queries, exact, probed, spare) < wanted:
        probed *= 2
    return min(probed, lists.n_lists)


def _recall(
    vectors: np.ndarray, lists: InvertedLists, queries: np.ndarray, exact: np.ndarray, probed: int, spare: int = 1
) -> float:
    """Mean share of the exact best items that are found."""
    shares = []
    for query, best in zip(queries, exact, strict=True):
        found = lists.nearest(query[None], min(spare * len(best), len(vectors)), probed)[0][0]
        found = found[found >= 0]
        found = found[np.argsort(-(vectors[found] @ query), kind="stable")][: len(best)]
        shares.append(len(np.intersect1d(best, found)) / len(best))
    return float(np.mean(shares)) if shares else 1.0
