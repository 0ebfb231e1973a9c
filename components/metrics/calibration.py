"""Whether a probability means what it says: the reliability curve and its mean distance from the diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Names of the curve's two halves where curves are kept by name.
FORETOLD, HAPPENED = "calibration_foretold", "calibration_happened"


@dataclass(frozen=True)
class Reliability:
    """Predictions in bins of equal size, from the least to the most probable; empty bins are left out.

    foretold  float64 (bins,), mean predicted probability
    happened  float64 (bins,), share of the outcomes that were true
    counts    int64 (bins,), predictions
    """

    foretold: np.ndarray
    happened: np.ndarray
    counts: np.ndarray


def reliability(
    probabilities: np.ndarray, outcomes: np.ndarray, *, bins: int = 10, weights: np.ndarray | None = None
) -> Reliability:
    """The reliability curve.

    probabilities  float (n,) in [0, 1]
    outcomes       bool (n,), what happened
    bins           of equally many predictions, as far as equal ones allow, which stay together: over a catalogue
                   nearly all probabilities are close to 0, and bins of equal width would hold all of them in one
    weights        float (n,), how many predictions each stands for; None: one
    Raises         ValueError if the lengths differ, there is none, or a probability is outside [0, 1].
    Source         Murphy & Winkler 1977, doi:10.2307/2346866; bins of equal size: Nixon et al. 2019, arXiv:1904.01685.
    """
    probabilities, outcomes = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=bool)
    if probabilities.shape != outcomes.shape or probabilities.ndim != 1 or not len(probabilities):
        raise ValueError(f"reliability: {probabilities.shape} probabilities for {outcomes.shape} outcomes")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("reliability: a probability is outside 0 … 1")
    weights = np.ones(len(probabilities)) if weights is None else np.asarray(weights, dtype=np.float64)
    # Equal predictions share a bin: which of them came first says nothing, and a curve of steps has many.
    _, same = np.unique(probabilities, return_inverse=True)
    mass = np.bincount(same, weights)
    middle = np.cumsum(mass) - mass / 2
    bin_of = np.minimum((middle / weights.sum() * max(bins, 1)).astype(int), max(bins, 1) - 1)[same]
    sums = (weights, weights * probabilities, weights * outcomes)
    counts, foretold, happened = (np.bincount(bin_of, of) for of in sums)
    some = counts > 0
    return Reliability(foretold[some] / counts[some], happened[some] / counts[some], counts[some])


def expected_calibration_error(curve: Reliability) -> float:
    """Mean of |foretold − happened| over the predictions, in [0, 1]; 0 is perfect.

    Source  Naeini, Cooper & Hauskrecht 2015 (AAAI).
    """
    return float(np.average(np.abs(curve.foretold - curve.happened), weights=curve.counts))


def base_rate(curve: Reliability) -> float:
    """Share of all outcomes that were true, in [0, 1]."""
    return float(np.average(curve.happened, weights=curve.counts))


def skill(curve: Reliability) -> float:
    """What the bins' probabilities tell beyond the base rate: 1 − their Brier score / the base rate's.

    1 is perfect, 0 what the base rate told of everything reaches; below 0 the probabilities say less than that. 0 too
    where all outcomes were alike and there was nothing to tell.
    Source  Murphy 1973, doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2.
    """
    rate = base_rate(curve)
    if rate in (0.0, 1.0):
        return 0.0
    off, spread = (curve.foretold - curve.happened) ** 2, curve.happened * (1 - curve.happened)
    return 1 - float(np.average(off + spread, weights=curve.counts)) / (rate * (1 - rate))


def log_loss(probabilities: np.ndarray, outcomes: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean of −log of the probability of what happened, nats; probabilities (n,) in [0, 1]."""
    p = np.clip(np.asarray(probabilities, np.float64), 1e-9, 1 - 1e-9)
    return float(np.average(-np.log(np.where(outcomes, p, 1 - p)), weights=weights))
