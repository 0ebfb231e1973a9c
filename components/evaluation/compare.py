"""From per-user values to figures a person can trust: means with intervals, paired differences, slices."""

from __future__ import annotations

import numpy as np

from components.core.errors import DataError
from components.evaluation.protocol import CUTOFF, Measured
from components.metrics.intervals import bootstrap_mean

Figure = dict[str, float]


def figure(values: np.ndarray, rng: np.random.Generator) -> Figure:
    """Mean and 95 % interval of per-user values, as {"mean", "low", "high"}; NaN values do not count.

    Raises  DataError if no user counts: a figure of nobody is not 0
    """
    mean, low, high = bootstrap_mean(values, rng)
    if np.isnan(mean):
        raise DataError(
            "evaluate: no user bought anything in the target window that the view counts; bring a longer window "
            "(split.test_share) or more users."
        )
    return {"mean": mean, "low": low, "high": high}


def figures(measured: Measured, rng: np.random.Generator) -> dict[str, Figure]:
    """All metrics of one recommender in one view, by stored name (`ndcg_at_10`)."""
    out = {f"{name}_at_{CUTOFF}": figure(values, rng) for name, values in measured.per_user.items()}
    out[f"coverage_at_{CUTOFF}"] = dict(zip(("mean", "low", "high"), measured.coverage, strict=True))
    return out


def difference(ours: Measured, theirs: Measured, rng: np.random.Generator, metric: str = "ndcg") -> Figure:
    """Mean of ours minus theirs, user by user, with its interval."""
    return figure(ours.per_user[metric] - theirs.per_user[metric], rng)


def with_interval(cell: Figure) -> str:
    """A figure with its interval, as a person reads it."""
    return f"{cell['mean']:.4f} ({cell['low']:.4f} to {cell['high']:.4f})"


def signed(cell: Figure) -> str:
    """A difference with its interval, as a person reads it."""
    return f"{cell['mean']:+.4f} ({cell['low']:+.4f} to {cell['high']:+.4f})"


def activity_slices(lengths: np.ndarray) -> dict[str, np.ndarray]:
    """Thirds of the users by number of past events: name → bool (n,); a third with nobody in it is left out."""
    low, high = np.quantile(lengths, [1 / 3, 2 / 3])
    slices = {
        f"few events (up to {low:.0f})": lengths <= low,
        f"some ({low:.0f} to {high:.0f})": (lengths > low) & (lengths <= high),
        f"many (over {high:.0f})": lengths > high,
    }
    return {name: mask for name, mask in slices.items() if mask.any()}
