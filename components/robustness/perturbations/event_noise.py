"""Event noise: a share of the events names a random item of the catalogue, at the time of the real one.

It stands for mistyped codes, shared loyalty cards and mixed-up feeds. Every item is equally likely, which is harsher
than real mistakes: most of a catalogue is bought rarely. Cost: none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from components.core.config import Config
from components.core.dataset import Histories
from components.robustness.perturbation import Perturbation


class EventNoiseConfig(Config):
    """No options."""


class EventNoise(Perturbation):
    """Random items instead of a share of the real ones."""

    Config = EventNoiseConfig
    level_words = "share of events replaced by random items"

    def apply(self, histories: Histories, level: float, rng: np.random.Generator, n_items: int) -> Histories:
        """Replace each event's item with probability `level`."""
        hit = rng.random(len(histories.items)) < level
        strangers = rng.integers(n_items, size=len(histories.items), dtype=np.int32)
        return replace(histories, items=np.where(hit, strangers, histories.items))
