"""Bootstrap intervals over users, the unit that is drawn."""

from __future__ import annotations

import numpy as np

SAMPLES = 1000


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
    # Multinomial counts per resample: the same as drawing users with replacement, without the index arrays.
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=n)
    low, high = np.quantile(counts @ values / len(values), [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)
