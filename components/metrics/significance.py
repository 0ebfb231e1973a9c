"""Whether one recommender is better than another: paired bootstrap p values, corrected for many comparisons."""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-9  # of a spread, beside the mean, that is nought


def two_sided(means: np.ndarray) -> np.ndarray:
    """p value of "no difference" from resampled means of paired differences.

    means    float (resamples, columns), as from intervals.bootstrap_means of differences
    Returns  float64 (columns,) in (0, 1]; never below 2 / (resamples + 1), for more draws could still cross 0
    Source   Efron & Tibshirani 1993, section 15.4 with the percentile interval turned round; the 1 added as in
             Davison & Hinkley 1997, section 4.2
    """
    n = len(means)
    below, above = (means <= 0).sum(axis=0), (means >= 0).sum(axis=0)
    return np.minimum(1.0, 2 * (np.minimum(below, above) + 1) / (n + 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """p values corrected so that one false claim among all of them is as rare as each promised.

    p_values  float (m,) in [0, 1]
    Returns   float64 (m,), in the order given, each at least its own p value and at most 1
    Source    Holm 1979, https://www.jstor.org/stable/4615733
    """
    order = np.argsort(p_values, kind="stable")
    m = len(p_values)
    steps = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * (m - np.arange(m)))
    out = np.empty(m)
    out[order] = np.minimum(steps, 1.0)
    return out


def standard_errors(differences: np.ndarray) -> float | None:
    """Mean of paired per-user differences in units of its standard error; 0 where no user differs.

    differences  float (users,), no NaN
    Returns      None where all differ alike, or there is one user: the error is then unknown
    """
    mean = differences.mean()
    if not differences.any():
        return 0.0
    spread = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else 0.0
    return float(mean / spread) if spread > ROUNDING * abs(mean) else None
