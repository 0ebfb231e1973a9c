"""Bootstrap intervals over users, the unit that is drawn."""

from __future__ import annotations

import numpy as np

SAMPLES = 1000
BLOCK = 50  # resamples held in memory at once


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


def _resampled(values: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """Means of n resamples: how often each user is drawn is multinomial."""
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=n)
    return counts @ values / len(values)
