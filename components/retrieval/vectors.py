"""Nearest items by vector: exact in a small catalogue, inverted lists of bytes (faiss) in a large one.

The only room that knows faiss. Inverted lists by inner product keep more of the exact answer than distance lists
where lengths differ, and are made in a fifth of the time of a graph (HNSW); docs/decisions/0025 has the figures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.core.ranking import top_k

EXACT_UP_TO = 100_000  # items; an exact look costs about 3 ms there
LISTS, PROBED = 512, 16
TRAINED_ON = 40_000
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

    def __init__(self, exact: np.ndarray | None, lists: InvertedLists | None):
        """One of the two."""
        self._exact = exact
        self._lists = lists

    def nearest(self, vector: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The k rows of largest cosine, best first, and their cosines; allowed: bool (items,), or None for all."""
        if self._exact is not None:
            scores = self._exact @ vector
            if allowed is not None:
                scores = np.where(allowed, scores, -np.inf)
            rows = top_k(scores[None], k)[0]
            rows = rows[rows >= 0]
            return rows, scores[rows]
        rows, scores = self._lists.nearest(vector[None], k, PROBED, allowed)
        real = rows[0] >= 0
        return rows[0][real].astype(np.int32), scores[0][real]


def write(folder: Path, vectors: np.ndarray, rng: np.random.Generator) -> None:
    """Write the vectors in the form that suits their number."""
    if len(vectors) <= EXACT_UP_TO:
        np.save(folder / EXACT_FILE, vectors.astype(np.float16), allow_pickle=False)
        return
    InvertedLists.make(vectors, LISTS, TRAINED_ON, rng).write(folder / LISTS_FILE)


def read(folder: Path) -> Vectors:
    """Read what `write` wrote, from a folder that was verified by its seal."""
    if (folder / EXACT_FILE).exists():
        return Vectors(np.load(folder / EXACT_FILE, allow_pickle=False).astype(np.float32), None)
    return Vectors(None, InvertedLists.read(folder / LISTS_FILE))
