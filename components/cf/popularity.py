"""Popularity: the number of users that bought an item, the same list for everyone.

Use it as the floor every other model must beat and as the answer for users nobody knows. Its family: all-time; of a
window; decayed by age; and by trend, where an item is taken to go on as it went from the window before to the last.
Cost: one pass over the events. Source: no paper; the oldest recommender there is.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from components.core.config import Config
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.model import Capabilities, Model
from components.core.space import HALF_LIFE, Floats


class PopularityConfig(Config):
    """window_days counts only the last days before the cut-off; None counts everything.

    half_life_days halves what a user counts every so many days since the last purchase of the item; None does not.
    trend adds so many times the change from the window before (0: none); it needs window_days.
    """

    space: ClassVar = {"window_days": Floats(2, 365, log=True), "half_life_days": HALF_LIFE}
    window_days: float | None = Field(default=None, gt=0)
    half_life_days: float | None = Field(default=None, gt=0)
    trend: float = Field(default=0, ge=0, le=10)

    @model_validator(mode="after")
    def _trend_has_a_window(self) -> PopularityConfig:
        if self.trend and self.window_days is None:
            raise ValueError("trend compares two windows; set window_days")
        return self


class Popularity(Model):
    """Items by the number of distinct users who bought them, scaled to 0 … 1."""

    version = 1
    Config = PopularityConfig
    capabilities = Capabilities(personal=False)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        window = self.config.window_days
        users = self._users(data.histories, 0, window)
        if self.config.trend:
            before = self._users(data.histories, window, 2 * window)
            users = np.maximum(users + self.config.trend * (users - before), 0)
        self.popularity = (users / (users.max(initial=0) or 1)).astype(np.float32)

    def _users(self, histories: Histories, from_days: float, to_days: float | None) -> np.ndarray:
        """float (n_items,), (decayed) users who bought the item between so many days before the cut-off."""
        age = (histories.now - histories.times) / DAY_S
        if to_days is not None:
            inside = (age <= to_days) & ((age > from_days) | (from_days == 0))
            histories = histories.keep(inside)
        return decayed_users(histories, self.n_items, self.config.half_life_days)

    def score(self, histories: Histories) -> np.ndarray:
        """The same row for every user."""
        return np.tile(self.popularity, (len(histories), 1))

    def state(self) -> dict[str, np.ndarray]:
        """popularity: float32 (n_items,)."""
        return {"popularity": self.popularity}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the scores."""
        self.popularity = arrays["popularity"]


def decayed_users(histories: Histories, n_items: int, half_life_days: float | None) -> np.ndarray:
    """float (n_items,), users who bought the item, each by the age of the last time; None does not look at the age."""
    if half_life_days is None:
        return np.asarray(histories.matrix(n_items, binary=True).sum(axis=0)).ravel()
    last = _last_of_pair(histories.rows, histories.items)
    age = (histories.now - histories.times[last]) / DAY_S
    return np.bincount(histories.items[last], np.exp2(-age / half_life_days), minlength=n_items)


def _last_of_pair(rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Positions of each user's last event of each item; events are in the order of time."""
    order = np.lexsort((items, rows))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (rows[order][1:] != rows[order][:-1]) | (items[order][1:] != items[order][:-1])
    return order[last]
