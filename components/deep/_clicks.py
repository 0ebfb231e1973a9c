"""Click-through in numpy: the past of every exposure, its weight, and how true the probabilities of a click are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.core.baskets import baskets_of
from components.core.dataset import Histories
from components.core.exposures import Exposures
from components.deep._pools import Pools, pooled
from components.deep._sequences import windows_of

if TYPE_CHECKING:
    from components.deep._pair_model import PairConfig

BLOCK = 4096  # exposures whose pasts are in memory at once


class ClickPasts:
    """What a visitor had done before something was shown to him."""

    def __init__(self, histories: Histories, config: PairConfig):
        """config: basket_decay and max_length."""
        self.baskets = baskets_of(histories)
        self.decays, self.length = (config.basket_decay,), config.max_length
        self.first = int(self.baskets.times.min(initial=0))
        self.span = int(self.baskets.times.max(initial=0)) - self.first + 2
        self.keys = self.baskets.rows * self.span + (self.baskets.times - self.first)

    def of(self, shown: Exposures) -> Pools:
        """One row per exposure; empty for a visitor nobody knows. What happened at the same second is not the past."""
        known = shown.rows >= 0
        rows = np.where(known, shown.rows, 0)
        since = np.clip(shown.times - self.first, 0, self.span - 1)
        ends = np.where(known, np.searchsorted(self.keys, rows * self.span + since), self.baskets.row_start[rows])
        return pooled(windows_of(self.baskets, rows, ends, self.length), self.decays)


def weights_of(shown: Exposures, config: PairConfig) -> np.ndarray:
    """float32 (n,), mean 1: alike, or inverse to the propensity, so that all items count as if shown equally often."""
    if config.propensity == "ignore":
        return np.ones(len(shown), np.float32)
    inverse = np.minimum(1 / shown.propensity.astype(np.float64), config.max_weight)
    return (inverse / inverse.mean()).astype(np.float32)


def split_by_time(shown: Exposures, share: float) -> tuple[Exposures, Exposures]:
    """The earlier ones, and those of the last `share` of the time; a moment is not parted."""
    if not share or not len(shown):
        return shown, shown.keep(np.zeros(len(shown), bool))
    later = shown.times >= int(np.quantile(shown.times, 1 - share))
    return shown.keep(~later), shown.keep(later)
