"""When a trial of the search is ended before its last epoch: where its fit falls behind the median of earlier ones.

Only a fit that keeps something back to be judged by has such a curve; one that runs all its epochs (`best_by: last`,
`validation_share: 0`) is never pruned.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.benchmark.fits import curves_of

if TYPE_CHECKING:
    import optuna

PRUNED = "pruned: its epochs fell behind the median of earlier trials"
START_TRIALS, START_EPOCHS = 4, 2  # before any trial is pruned
RISING = ("validation_gain",)  # curves where more is better; of losses, less is
FALLING = ("validation_loss",)


def pruner() -> optuna.pruners.BasePruner:
    """The median of earlier trials at the same epoch, once there are some."""
    import optuna

    return optuna.pruners.MedianPruner(n_startup_trials=START_TRIALS, n_warmup_steps=START_EPOCHS)


class Watch:
    """Tells a trial of the epochs that its fit has behind it, and says when they are not worth going on."""

    def __init__(self, trial: optuna.Trial):
        self.trial, self.told = trial, 0

    def __call__(self, fit: Path) -> str:
        """A reason to end the fit, or nothing."""
        values = rising(curves_of(fit))
        for epoch in range(self.told, len(values)):
            self.trial.report(values[epoch], epoch)
        self.told = max(self.told, len(values))
        return PRUNED if values and self.trial.should_prune() else ""


def rising(curves: dict[str, list[float]]) -> list[float]:
    """The curve that says how good an epoch is, larger is better; empty where there is none."""
    for name in RISING:
        if curves.get(name):
            return curves[name]
    return next(([-v for v in curves[name]] for name in FALLING if curves.get(name)), [])
