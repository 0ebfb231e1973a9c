"""Maximum mean discrepancy: have two clouds of vectors one distribution? And the vectors of titles to ask it of.

The squared discrepancy is the mean similarity within both clouds less twice that between them, with the similarity
exp(−d²/2σ²) of an RBF kernel whose width σ is the median distance of the pooled points; it is 0 in expectation where
both come from one distribution, and can be a little below. The p-value is the share of random relabellings of the
points that give as large a value.

Source: Gretton et al. 2012, A Kernel Two-Sample Test, JMLR 13; unbiased estimator (equation 3).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

import numpy as np

PERMUTATIONS = 200
MOST_POINTS = 500  # of each cloud; the cost grows with the square
TITLE_DIMENSIONS = 128
WORD = re.compile(r"[^\W_]+")


def mmd(
    reference: np.ndarray, current: np.ndarray, rng: np.random.Generator, permutations: int = PERMUTATIONS
) -> tuple[float, float]:
    """Squared discrepancy and its p-value.

    reference, current  float (n, d) and (m, d), n and m >= 2; at most MOST_POINTS of each are drawn
    Returns             MMD², at most 2 and perhaps a little below 0; p-value in (0, 1], least 1 / (permutations + 1)
    Raises              ValueError if a cloud has fewer than two points or they differ in dimensions
    """
    x, y = (_drawn(np.asarray(points, dtype=float), rng) for points in (reference, current))
    if min(len(x), len(y)) < 2 or x.shape[1:] != y.shape[1:]:
        raise ValueError(f"mmd: clouds of {x.shape} and {y.shape}; both need two points of the same dimensions")
    kernel = _rbf(np.concatenate([x, y]))
    own = np.arange(len(kernel)) < len(x)
    found = _discrepancies(kernel, own[None, :])[0]
    labels = np.stack([rng.permutation(own) for _ in range(permutations)])
    as_large = np.sum(_discrepancies(kernel, labels) >= found)
    return float(found), float((1 + as_large) / (1 + permutations))


def title_vectors(titles: Iterable[str], dimensions: int = TITLE_DIMENSIONS) -> np.ndarray:
    """Titles as unit vectors: every word adds one at a place that its letters decide; needs nothing fitted.

    Returns  float32 (n, dimensions); a title without words is the zero vector
    """
    titles = list(titles)
    found = np.zeros((len(titles), dimensions), dtype=np.float32)
    for row, title in enumerate(titles):
        for word in WORD.findall(title.lower()):
            found[row, zlib.crc32(word.encode()) % dimensions] += 1
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def _drawn(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(points) <= MOST_POINTS:
        return points
    return points[np.sort(rng.choice(len(points), size=MOST_POINTS, replace=False))]


def _rbf(points: np.ndarray) -> np.ndarray:
    """Similarities of all pairs, 0 on the diagonal, which the unbiased estimator leaves out."""
    squares = np.sum(points**2, axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * points @ points.T, 0.0)
    apart = distances[np.triu_indices(len(points), 1)]
    width = float(np.median(apart)) or float(apart.mean()) or 1.0  # 0 where most points are equal, or all are
    kernel = np.exp(-distances / width)
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _discrepancies(kernel: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Squared discrepancy for each labelling; own is bool (labellings, points), True for points of the first cloud."""
    first, second = own.astype(float), (~own).astype(float)
    n, m = first.sum(axis=1), second.sum(axis=1)
    like = first @ kernel
    within = np.sum(like * first, axis=1) / (n * (n - 1))
    between = np.sum(like * second, axis=1) / (n * m)
    other = np.sum((second @ kernel) * second, axis=1) / (m * (m - 1))
    return within + other - 2 * between
