"""Dense vectors without downloads: words and their character runs, reduced by SVD on the catalogue itself (LSA).

An item's vector is the weighted mean of its words' vectors, so a million items cost one sparse product; a word that
no item holds still has a vector, from its runs of characters. Source: Deerwester et al. 1990; Bojanowski et al. 2017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core import bundle
from components.core.config import Config
from components.search.analysis import is_han

SIZES = (3, 4)  # of a character run
RUNS_WEIGHT = 0.6  # of all runs of a word against the word itself
LEAST_WORDS = 2  # that hold a run
MOST_RUNS = 30_000
SAMPLE = 25_000  # items that the directions are fitted on
OVERSAMPLED, POWER_ITERATIONS = 10, 2


class DenseConfig(Config):
    """dimensions: of a vector."""

    dimensions: int = Field(default=64, ge=2, le=512)


@dataclass(frozen=True)
class Bags:
    """Items as counted words: CSR parts, rows in index order; words name the columns."""

    indptr: np.ndarray
    indices: np.ndarray
    words: Sequence[str]

    @property
    def matrix(self) -> sp.csr_matrix:
        """float32 (items, words) counts."""
        shape = (len(self.indptr) - 1, len(self.words))
        out = sp.csr_matrix((np.ones(len(self.indices), np.float32), self.indices, self.indptr), shape=shape)
        out.sum_duplicates()
        return out


@dataclass
class Space:
    """Word and run vectors, and what a word weighs.

    words, runs    text → row of word_vectors, run_vectors (float32, n × dimensions)
    weights        float32 (words,), inverse document frequency
    """

    words: dict[str, int]
    runs: dict[str, int]
    word_vectors: np.ndarray
    run_vectors: np.ndarray
    weights: np.ndarray

    def embed(self, words: Sequence[str]) -> np.ndarray | None:
        """Unit vector of a query's words, None where nothing of them is known."""
        total = np.zeros(self.word_vectors.shape[1], dtype=np.float32)
        for word in words:
            row = self.words.get(word)
            if row is not None:
                total += self.weights[row] * self.word_vectors[row]
            else:
                known = [self.runs[run] for run in character_runs(word) if run in self.runs]
                if known:
                    total += RUNS_WEIGHT * float(self.weights.max()) * self.run_vectors[known].mean(axis=0)
        length = float(np.linalg.norm(total))
        return total / length if length > 1e-6 else None

    def save(self, folder: Path) -> None:
        """Write it as a bundle; half precision is enough for directions."""
        arrays = {"words": self.word_vectors, "runs": self.run_vectors, "weights": self.weights}
        texts = {"words": list(self.words), "runs": list(self.runs)}
        bundle.write(folder, texts, arrays={k: v.astype(np.float16) for k, v in arrays.items()})

    @classmethod
    def load(cls, folder: Path) -> Space:
        """Read what `save` wrote."""
        content = bundle.read(folder)
        words, runs = ({text: i for i, text in enumerate(content.meta[name])} for name in ("words", "runs"))
        return cls(words, runs, *(content.arrays[name].astype(np.float32) for name in ("words", "runs", "weights")))


def character_runs(word: str) -> list[str]:
    """`milk` → <mi, mil, ilk, lk>, <mil, milk, ilk>; a Chinese word gives its characters."""
    if is_han(word):
        return list(word)
    marked = f"<{word}>"
    return [marked[i : i + n] for n in SIZES for i in range(len(marked) - n + 1)]


def fit(bags: Bags, config: DenseConfig, rng: np.random.Generator) -> tuple[Space, np.ndarray] | None:
    """The space of a catalogue and its items' unit vectors, float32 (items, dimensions).

    Returns None where there are too few items or words for that many dimensions.
    """
    counts = bags.matrix
    n, n_words = counts.shape
    frequency = np.asarray((counts > 0).sum(axis=0)).ravel()
    weights = (np.log((1 + n) / (1 + frequency)) + 1).astype(np.float32)
    weighted = _rows_of_length_one(counts @ sp.diags(weights))
    parts, runs = _word_parts(bags.words)
    drawn = np.sort(rng.choice(n, SAMPLE, replace=False)) if n > SAMPLE else np.arange(n)
    sample = weighted[drawn] @ parts
    size = min(config.dimensions, min(sample.shape) - 1)
    if size < 2:
        return None
    directions = leading_directions(sample, size, rng)
    space = Space(
        {word: i for i, word in enumerate(bags.words)},
        {run: i for i, run in enumerate(runs)},
        np.asarray(parts @ directions, dtype=np.float32),
        directions[n_words:],
        weights,
    )
    return space, _unit(np.asarray(weighted @ space.word_vectors, dtype=np.float32))


def leading_directions(matrix: sp.csr_matrix, size: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (columns, size): the right singular vectors of the largest singular values, by random projection.

    Source  Halko, Martinsson & Tropp 2011, algorithm 5.1 with power iterations; signs as in Bro et al. 2008: the
            largest entry of a direction is above zero
    """
    width = min(size + OVERSAMPLED, *matrix.shape)
    basis = np.linalg.qr(matrix @ rng.standard_normal((matrix.shape[1], width)).astype(np.float32))[0]
    transposed = matrix.T.tocsr()
    for _ in range(POWER_ITERATIONS):
        basis = np.linalg.qr(matrix @ (transposed @ basis))[0]
    projected = np.asarray(transposed @ basis, dtype=np.float64)
    values, rotation = np.linalg.eigh(projected.T @ projected)  # far smaller than an SVD of the projection
    kept = np.argsort(-values)[:size]
    directions = projected @ (rotation[:, kept] / np.sqrt(np.maximum(values[kept], 1e-12)))
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=0)[None], 0)
    return np.ascontiguousarray(directions * np.sign(largest), dtype=np.float32)


def _word_parts(words: Sequence[str]) -> tuple[sp.csr_matrix, list[str]]:
    """float32 CSR (words, words + runs): every word is itself and the runs it is made of."""
    per_word = [character_runs(word) for word in words]
    holders = Counter(run for runs in per_word for run in set(runs))
    kept = sorted(holders, key=lambda run: (-holders[run], run))[:MOST_RUNS]
    runs = sorted(run for run in kept if holders[run] >= LEAST_WORDS)
    column = {run: i for i, run in enumerate(runs)}
    rows, columns, values = [], [], []
    for row, own in enumerate(per_word):
        known = [column[run] for run in own if run in column]
        rows += [row] * len(known)
        columns += known
        values += [RUNS_WEIGHT / np.sqrt(max(len(known), 1))] * len(known)
    made_of = sp.csr_matrix((values, (rows, columns)), shape=(len(words), len(runs)), dtype=np.float32)
    return sp.hstack([sp.identity(len(words), dtype=np.float32, format="csr"), made_of], format="csr"), runs


def _rows_of_length_one(matrix: sp.csr_matrix) -> sp.csr_matrix:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1 / np.maximum(lengths, 1e-9)) @ matrix, dtype=np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
