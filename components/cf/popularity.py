"""Popularity: the number of households that bought an item, the same list for everyone.

Use it as the floor every other model must beat and as the answer for users nobody knows.
Cost: one pass over the events. Source: no paper; the oldest recommender there is.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from components.core.config import Config
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.model import Capabilities, Model


class PopularityConfig(Config):
    """window_days counts only the last days before the cut-off; None counts everything."""

    window_days: float | None = Field(default=None, gt=0)


class Popularity(Model):
    """Items by the number of distinct users who bought them, scaled to 0 … 1."""

    version = 1
    Config = PopularityConfig
    capabilities = Capabilities(personal=False)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        h = data.histories
        if self.config.window_days is not None:
            h = h.keep(h.times >= h.now - self.config.window_days * DAY_S)
        users = np.asarray(h.matrix(self.n_items, binary=True).sum(axis=0)).ravel()
        self.popularity = (users / max(users.max(initial=0), 1)).astype(np.float32)

    def score(self, histories: Histories) -> np.ndarray:
        """The same row for every user."""
        return np.tile(self.popularity, (len(histories), 1))

    def state(self) -> dict[str, np.ndarray]:
        """popularity: float32 (n_items,)."""
        return {"popularity": self.popularity}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the scores."""
        self.popularity = arrays["popularity"]
