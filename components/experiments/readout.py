"""Read-out: the difference between two variants, with an interval on the unit of randomisation.

Everything a user did is added up first; users are independent of each other, their requests are not.
A test over requests would count one user's habits many times and find differences that are not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from components.core.errors import DataError
from components.experiments.srm import SampleRatio

BETTER, WORSE, UNCLEAR, UNTRUSTED = "better", "worse", "no clear difference", "cannot be trusted (SRM)"
LEVEL = 0.95


@dataclass(frozen=True)
class Outcome:
    """What one request of a unit led to: `value` out of `weight`, e.g. 3 hits in 1 basket."""

    unit: str
    variant: str
    value: float
    weight: float = 1.0


@dataclass(frozen=True)
class Totals:
    """Sums per unit of one variant: float64 (units,) each; weights > 0."""

    values: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """Means of both variants, treatment minus control, and the interval of that difference."""

    control: float
    treatment: float
    difference: float
    low: float
    high: float
    n_control: int
    n_treatment: int


def totals(outcomes: Iterable[Outcome]) -> dict[str, Totals]:
    """Add up outcomes per unit, by variant.

    Raises  DataError if a unit was served more than one variant: it belongs to neither group.
    """
    variant_of: dict[str, str] = {}
    sums: dict[str, np.ndarray] = {}
    for outcome in outcomes:
        if variant_of.setdefault(outcome.unit, outcome.variant) != outcome.variant:
            raise DataError(
                f"experiment: unit {outcome.unit} saw {variant_of[outcome.unit]} and {outcome.variant}; "
                "was the experiment's name or its shares changed while it ran?"
            )
        sums[outcome.unit] = sums.get(outcome.unit, np.zeros(2)) + np.array([outcome.value, outcome.weight])
    grouped: dict[str, list[np.ndarray]] = {}
    for unit, pair in sums.items():
        grouped.setdefault(variant_of[unit], []).append(pair)
    return {name: Totals(*np.array(pairs).T) for name, pairs in grouped.items()}


def difference_of_ratios(control: Totals, treatment: Totals, level: float = LEVEL) -> Estimate:
    """Difference of sum(values) / sum(weights), e.g. hits per basket, with the delta method's interval.

    The ratio's error is that of the per-unit residuals values - ratio * weights, over the mean weight. With equal
    weights it is the difference of the means per unit, with Welch's interval.
    Raises  DataError with fewer than two units in a group: there is no spread to go by.
    Source  Deng, Knoblich & Lu 2018, doi:10.1145/3219819.3219919; Welch 1947, doi:10.1093/biomet/34.1-2.28.
    """
    return _estimate(_ratio(control), _ratio(treatment), level)


def verdict(estimate: Estimate, ratio: SampleRatio, higher_is_better: bool = True) -> str:
    """The treatment in words, SRM first: better, worse, no clear difference, or cannot be trusted."""
    if ratio.mismatch:
        return UNTRUSTED
    if estimate.low <= 0 <= estimate.high:
        return UNCLEAR
    return BETTER if (estimate.low > 0) == higher_is_better else WORSE


def _ratio(group: Totals) -> tuple[float, float, int]:
    ratio = group.values.sum() / group.weights.sum()
    variance, n = _spread((group.values - ratio * group.weights) / group.weights.mean())
    return float(ratio), variance, n


def _spread(values: np.ndarray) -> tuple[float, int]:
    """Squared standard error of the mean, and the number of units."""
    if len(values) < 2:
        raise DataError(f"experiment: {len(values)} unit in a group, at least 2 needed; replay more users.")
    return float(np.var(values, ddof=1) / len(values)), len(values)


def _estimate(control: tuple[float, float, int], treatment: tuple[float, float, int], level: float) -> Estimate:
    """From (mean, squared standard error, units) of both groups."""
    from scipy.special import stdtrit

    (mean_c, error_c, n_c), (mean_t, error_t, n_t) = control, treatment
    squared = error_c + error_t
    # Welch–Satterthwaite; without any spread the interval is a point, whatever the degrees of freedom.
    freedom = squared**2 / (error_c**2 / (n_c - 1) + error_t**2 / (n_t - 1)) if squared else 1.0
    half = float(stdtrit(freedom, (1 + level) / 2)) * squared**0.5
    difference = mean_t - mean_c
    return Estimate(mean_c, mean_t, difference, difference - half, difference + half, n_c, n_t)
