"""When a trial of the search is ended before its last epoch: where its fit falls behind the median of earlier ones.

It is told by the gain of what a fit keeps back, which means the same whatever its options; a loss does not. A fit that
keeps nothing back and runs all its epochs (`best_by: last`, `validation_share: 0`) is never pruned.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.benchmark.fits import curves_of

if TYPE_CHECKING:
    import optuna

PRUNED = "pruned: its epochs fell behind the median of earlier trials"
START_TRIALS, START_EPOCHS = 4, 2  # before any trial is pruned
GAIN = "validation_gain"  # the curve


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
        values = curves_of(fit).get(GAIN, [])
        for epoch in range(self.told, len(values)):
            self.trial.report(values[epoch], epoch)
        self.told = max(self.told, len(values))
        return PRUNED if values and self.trial.should_prune() else ""
