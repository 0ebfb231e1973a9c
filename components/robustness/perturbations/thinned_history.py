"""Thinned history: a share of the events is missing.

It stands for users who also buy elsewhere, forget their card, or are new. Cost: none.
"""

from __future__ import annotations

import numpy as np

from components.core.config import Config
from components.core.dataset import Histories
from components.robustness.perturbation import Perturbation


class ThinnedHistoryConfig(Config):
    """whole_baskets drops baskets (a forgotten card) instead of single events (a gap in the feed)."""

    whole_baskets: bool = False


class ThinnedHistory(Perturbation):
    """Histories without a share of their events; a user may be left with none."""

    Config = ThinnedHistoryConfig
    level_words = "share of events missing"

    def apply(self, histories: Histories, level: float, rng: np.random.Generator, n_items: int) -> Histories:
        """Drop each event, or each basket, with probability `level`."""
        group = _baskets(histories) if self.config.whole_baskets else np.arange(len(histories.items))
        kept = rng.random(len(histories.items)) >= level  # one draw per event; a basket takes its first one's
        return histories.keep(kept[group])


def _baskets(histories: Histories) -> np.ndarray:
    """int64 (events,): position of the first event of each event's basket."""
    return np.maximum.accumulate(np.where(histories.basket_starts, np.arange(len(histories.items)), 0))
