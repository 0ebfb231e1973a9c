"""Nearest items by vector: exact in a small catalogue, inverted lists of bytes (faiss) in a large one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.core.ranking import top_k
from components.search.engine import Hits

EXACT_UP_TO = 100_000  # items; an exact look costs about 3 ms there
LISTS, PROBED = 512, 16
TRAINED_ON = 40_000
EXACT_FILE, LISTS_FILE = "vectors.npy", "vectors.faiss"


class Vectors:
    """Unit vectors of all items, in the order of the index rows."""

    def __init__(self, exact: np.ndarray | None, lists: object | None):
        """One of the two."""
        self._exact = exact
        self._lists = lists

    def nearest(self, vector: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Hits:
        """The k rows of largest cosine; allowed: bool (items,), or None for all."""
        if self._exact is not None:
            scores = self._exact @ vector
            if allowed is not None:
                scores = np.where(allowed, scores, -np.inf)
            rows = top_k(scores[None], k)[0]
            rows = rows[rows >= 0]
            return Hits(rows, scores[rows])
        return self._probed(vector, k, allowed)

    def _probed(self, vector: np.ndarray, k: int, allowed: np.ndarray | None) -> Hits:
        import faiss

        chosen = None if allowed is None else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        how = faiss.SearchParametersIVF(nprobe=PROBED, sel=chosen)
        scores, rows = self._lists.search(vector[None].astype(np.float32), k, params=how)
        real = rows[0] >= 0
        return Hits(rows[0][real].astype(np.int32), scores[0][real])


def write(folder: Path, vectors: np.ndarray, rng: np.random.Generator) -> None:
    """Write the vectors in the form that suits their number."""
    if len(vectors) <= EXACT_UP_TO:
        np.save(folder / EXACT_FILE, vectors.astype(np.float16), allow_pickle=False)
        return
    import faiss

    lists = faiss.index_factory(vectors.shape[1], f"IVF{LISTS},SQ8", faiss.METRIC_INNER_PRODUCT)
    lists.cp.seed = int(rng.integers(2**31 - 1))
    lists.train(vectors[np.sort(rng.choice(len(vectors), min(TRAINED_ON, len(vectors)), replace=False))])
    lists.add(vectors)
    faiss.write_index(lists, str(folder / LISTS_FILE))


def read(folder: Path) -> Vectors:
    """Read what `write` wrote, from a folder that was verified by its seal."""
    if (folder / EXACT_FILE).exists():
        return Vectors(np.load(folder / EXACT_FILE, allow_pickle=False).astype(np.float32), None)
    import faiss

    return Vectors(None, faiss.read_index(str(folder / LISTS_FILE)))
