"""Bootstrap intervals over users, the unit that is drawn."""

from __future__ import annotations

import numpy as np

SAMPLES = 1000
BLOCK = 50  # resamples held in memory at once

Z95 = 1.96  # standard errors on each side of a 95 % interval


def bootstrap_mean(
    values: np.ndarray, rng: np.random.Generator, *, n: int = SAMPLES, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean of per-user values with its percentile interval; NaN values do not count.

    values   float (users,); for a paired comparison pass the per-user differences
    Returns  (mean, low, high); (nan, nan, nan) if no value counts.
    Source   Efron & Tibshirani 1993, chapter 13.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return (np.nan, np.nan, np.nan)
    means = np.concatenate([_resampled(values, rng, min(BLOCK, n - done)) for done in range(0, n, BLOCK)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)


def bootstrap_means(values: np.ndarray, rng: np.random.Generator, *, n: int = SAMPLES) -> np.ndarray:
    """Means of n resamples of the users, for many columns of per-user values at once.

    values   float (users, columns), no NaN; all columns see the same draws, so that differences of columns are paired
    Returns  float64 (n, columns)
    """
    return np.concatenate([_resampled(values, rng, min(BLOCK, n - done)) for done in range(0, n, BLOCK)])


def coverage_interval(ranked: np.ndarray, n_items: int) -> tuple[float, float, float]:
    """Share of the catalogue that the lists show, with its 95 % jackknife interval over users.

    The bootstrap would mislead: a resample holds two thirds of the users, so it always shows fewer items.

    ranked   int (users, k) catalogue indices, -1 where a list is shorter
    Returns  (share, low, high) in [0, 1]; zeros if there is no user
    Source   Efron & Tibshirani 1993, chapter 11: leaving out one user takes away what only that user was shown
    """
    if not len(ranked):
        return 0.0, 0.0, 0.0
    users = len(ranked)
    rows = np.repeat(np.arange(users), ranked.shape[1])[ranked.ravel() >= 0]
    pairs = np.unique(np.stack([rows, ranked[ranked >= 0]]), axis=1)
    shown_to = np.bincount(pairs[1], minlength=n_items)
    only_theirs = np.bincount(pairs[0][shown_to[pairs[1]] == 1], minlength=users) / n_items
    share = float((shown_to > 0).mean())
    variance = (users - 1) / users * ((only_theirs - only_theirs.mean()) ** 2).sum()
    spread = Z95 * float(np.sqrt(variance))
    return share, max(share - spread, 0.0), min(share + spread, 1.0)


def _resampled(values: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """Means of n resamples, over the first axis: how often each user is drawn is multinomial."""
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=n)
    return counts @ values / len(values)
