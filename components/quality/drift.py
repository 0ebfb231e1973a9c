"""Drift: has the newest window of time moved away from the training window? One answer per column.

Two measures, because each misses something. The population stability index (PSI) sums, over bins of the reference,
(current − reference) · ln(current / reference); it is blind to shifts within a bin. The second asks for the largest
gap: Kolmogorov–Smirnov's D for numbers, and for categories the total variation, the share of events that would have
to change their value. Verdicts hang on these sizes, not on the p-values of Kolmogorov–Smirnov and chi-square that go
with them: with a hundred thousand events every difference is significant, and few matter. Vectors (of titles, of
pictures) have no bins: their gap is the maximum mean discrepancy (mmd.py), taken on a few hundred points, so that
chance can still give it; there the p-value must be small as well.

Source: bounds 0.1 and 0.25 for PSI: Siddiqi 2006, Credit Risk Scorecards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from components.core.config import Config
from components.core.errors import DataError
from components.quality.mmd import mmd

BINS = 10
# A category with this many distinct values or fewer is compared value by value, also where the values are numbers.
MOST_DISCRETE = 30
FLOOR_EVENTS = 0.5  # an empty bin counts as half an event: the index stays finite, and small samples are not punished

STABLE, MOVED, DRIFTED = "stable", "moved", "drifted"
Verdict = Literal["stable", "moved", "drifted"]


class DriftThresholds(Config):
    """When a column counts as moved (look at it) or drifted (train again)."""

    psi_moved: float = Field(0.1, gt=0)
    psi_drifted: float = Field(0.25, gt=0)
    gap_moved: float = Field(0.1, gt=0, le=1, description="Kolmogorov–Smirnov's D or total variation")
    gap_drifted: float = Field(0.2, gt=0, le=1)
    mmd_moved: float = Field(0.05, gt=0, le=1.5, description="maximum mean discrepancy, of vectors")
    mmd_drifted: float = Field(0.1, gt=0, le=1.5)
    mmd_p_value: float = Field(0.01, gt=0, lt=1, description="beyond it a discrepancy may be chance")
    min_values: int = Field(100, ge=2, description="fewer values in a window give no verdict but an error")


@dataclass(frozen=True)
class Drift:
    """What happened to one column.

    psi                 population stability index, >= 0; None for vectors
    gap                 D (numbers), total variation (categories), in [0, 1], or maximum mean discrepancy (vectors)
    p_value             of Kolmogorov–Smirnov's, chi-square's or the permutation test; see the module
    reference, current  mean (numbers), most frequent value (categories) or number of vectors, in words
    """

    column: str
    kind: Literal["numeric", "categorical", "embedding"]
    psi: float | None
    gap: float
    p_value: float
    reference: str
    current: str
    verdict: Verdict


def drift(
    reference: dict[str, np.ndarray],
    current: dict[str, np.ndarray],
    thresholds: DriftThresholds | None = None,
    rng: np.random.Generator | None = None,
) -> list[Drift]:
    """Drift of every column, worst first.

    reference, current  column → values, one-dimensional; text and bool are categories, numbers with few distinct
                        values too; NaN and None are left out. Or vectors, (n, d). Both must have the same columns.
    rng                 draws and relabels vectors; only they need one
    Raises              DataError if the columns differ or a window has too few values to tell.
    """
    thresholds = thresholds or DriftThresholds()
    rng = rng or np.random.default_rng(0)
    if set(reference) != set(current):
        names = ", ".join(sorted(set(reference) ^ set(current)))
        raise DataError(f"drift: {names}: only in one of the two windows; describe both in the same way.")
    found = [_column(name, _present(reference[name]), _present(current[name]), thresholds, rng) for name in reference]
    return sorted(found, key=lambda d: -_severity(d, thresholds))


def comparable(
    reference: dict[str, np.ndarray], current: dict[str, np.ndarray], thresholds: DriftThresholds
) -> list[str]:
    """The columns that both windows have with enough values to tell, in the order of the reference."""
    return [
        name
        for name in reference
        if name in current
        and min(len(_present(values[name])) for values in (reference, current)) >= thresholds.min_values
    ]


def psi(reference: np.ndarray, current: np.ndarray) -> float:
    """Population stability index of two vectors of counts over the same bins; 0 where their shares are equal."""
    r, c = (np.maximum(counts, FLOOR_EVENTS) for counts in (np.asarray(reference, float), np.asarray(current, float)))
    r, c = r / r.sum(), c / c.sum()
    return float(np.sum((c - r) * np.log(c / r)))


def bin_counts(reference: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts of two numeric samples in the deciles of the reference; equal deciles are one bin."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    return tuple(
        np.bincount(np.searchsorted(edges, x, side="left"), minlength=len(edges) + 1) for x in (reference, current)
    )


def value_counts(reference: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct values of both samples, and the counts of each in the one and in the other."""
    values, at = np.unique(np.concatenate([reference, current]), return_inverse=True)
    split = len(reference)
    counts = [np.bincount(part, minlength=len(values)) for part in (at[:split], at[split:])]
    return values, *counts


def _column(
    name: str, reference: np.ndarray, current: np.ndarray, thresholds: DriftThresholds, rng: np.random.Generator
) -> Drift:
    fewest = min(len(reference), len(current))
    if fewest < thresholds.min_values:
        raise DataError(
            f"drift: {name}: {fewest} values in a window, at least {thresholds.min_values} are needed to tell; "
            "choose a longer window."
        )
    if reference.ndim == 2:
        return Drift(column=name, **_vectors(reference, current, thresholds, rng))
    compare = _categories if _is_category(reference, current) else _numbers
    found = compare(reference, current)
    return Drift(column=name, verdict=_verdict(found["psi"], found["gap"], thresholds), **found)


def _numbers(reference: np.ndarray, current: np.ndarray) -> dict:
    from scipy.stats import ks_2samp

    test = ks_2samp(reference, current, method="asymp")
    return {
        "kind": "numeric",
        "psi": psi(*bin_counts(reference, current)),
        "gap": float(test.statistic),
        "p_value": float(test.pvalue),
        "reference": f"mean {reference.mean():.4g}",
        "current": f"mean {current.mean():.4g}",
    }


def _categories(reference: np.ndarray, current: np.ndarray) -> dict:
    from scipy.stats import chi2_contingency

    values, r, c = value_counts(reference, current)
    one_value = len(values) == 1  # chi-square has nothing to compare then
    return {
        "kind": "categorical",
        "psi": psi(r, c),
        "gap": float(np.abs(r / r.sum() - c / c.sum()).sum() / 2),
        "p_value": 1.0 if one_value else float(chi2_contingency(np.stack([r, c]), correction=False).pvalue),
        "reference": _most_frequent(values, r),
        "current": _most_frequent(values, c),
    }


def _vectors(reference: np.ndarray, current: np.ndarray, thresholds: DriftThresholds, rng: np.random.Generator) -> dict:
    squared, p_value = mmd(reference, current, rng)
    gap = float(np.sqrt(max(squared, 0.0)))
    by_chance = p_value > thresholds.mmd_p_value
    moved = DRIFTED if gap >= thresholds.mmd_drifted else MOVED if gap >= thresholds.mmd_moved else STABLE
    return {
        "kind": "embedding",
        "psi": None,
        "gap": gap,
        "p_value": p_value,
        "reference": f"{len(reference):,} vectors",
        "current": f"{len(current):,} vectors",
        "verdict": STABLE if by_chance else moved,
    }


def _severity(found: Drift, thresholds: DriftThresholds) -> float:
    """How far beyond `drifted` a column is: 1 at the threshold."""
    if found.psi is None:
        return found.gap / thresholds.mmd_drifted
    return max(found.psi / thresholds.psi_drifted, found.gap / thresholds.gap_drifted)


def _verdict(index: float, gap: float, thresholds: DriftThresholds) -> Verdict:
    if index >= thresholds.psi_drifted or gap >= thresholds.gap_drifted:
        return DRIFTED
    return MOVED if index >= thresholds.psi_moved or gap >= thresholds.gap_moved else STABLE


def _is_category(reference: np.ndarray, current: np.ndarray) -> bool:
    both = np.concatenate([reference, current])
    return both.dtype.kind not in "iuf" or len(np.unique(both)) <= MOST_DISCRETE


def _present(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind == "O":
        return np.asarray([str(v) for v in values if v is not None and str(v) != "nan"])
    if values.dtype.kind != "f":
        return values
    return values[~np.isnan(values).any(axis=1)] if values.ndim == 2 else values[~np.isnan(values)]


def _most_frequent(values: np.ndarray, counts: np.ndarray) -> str:
    at = int(np.argmax(counts))
    return f"{values[at]} ({counts[at] / counts.sum():.1%})"
