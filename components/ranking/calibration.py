"""From the ranker's scores to probabilities: an isotonic curve, fitted on users that the trees did not learn from.

The trees order one user's candidates; the curve says how often a candidate of such a score was bought in the target
window. It never changes an order, because it never falls.
Source: Zadrozny & Elkan 2002, doi:10.1145/775047.775151.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KNOTS = 200  # of the stored curve, at most


@dataclass(frozen=True)
class Calibration:
    """A curve that never falls: scores float64 (knots,), increasing, and the probabilities there."""

    scores: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def fit(cls, scores: np.ndarray, bought: np.ndarray, weights: np.ndarray) -> Calibration | None:
        """Fit on pairs; None where there is nothing to tell bought from not bought.

        scores, bought, weights  (pairs,); the weight of a pair is how many candidates it stands for
        """
        from sklearn.isotonic import IsotonicRegression

        if not len(scores) or bought.min() == bought.max():
            return None
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        curve.fit(scores.astype(np.float64), bought.astype(np.float64), weights)
        at = np.unique(np.linspace(0, len(curve.X_thresholds_) - 1, KNOTS).round().astype(int))
        return cls(curve.X_thresholds_[at], curve.y_thresholds_[at])

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """float32, shaped as scores: linear between the knots, level outside them; NaN stays NaN."""
        return np.interp(scores, self.scores, self.probabilities).astype(np.float32)

    def pack(self) -> dict[str, list[float]]:
        """The curve as JSON; `unpack` reads it back."""
        return {"scores": self.scores.tolist(), "probabilities": self.probabilities.tolist()}

    @classmethod
    def unpack(cls, packed: dict[str, list[float]] | None) -> Calibration | None:
        """The curve that `pack` stored; None where there was none."""
        return cls(np.array(packed["scores"]), np.array(packed["probabilities"])) if packed else None
