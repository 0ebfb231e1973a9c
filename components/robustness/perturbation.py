"""The one contract of every perturbation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from components.core.config import Config
from components.core.dataset import Histories


class Perturbation(ABC):
    """A way in which histories get worse, by a level from 0 (untouched) to 1 (nothing left as it was).

    Users, the time of asking and what they buy afterwards stay as they are: only the past is told wrongly.
    """

    Config: ClassVar[type[Config]]
    level_words: ClassVar[str]  # what a level is, for axes and tables, e.g. "share of events replaced"

    def __init__(self, config: Config | None = None):
        """Use the default configuration where none is given."""
        self.config = config if config is not None else self.Config()

    @abstractmethod
    def apply(self, histories: Histories, level: float, rng: np.random.Generator, n_items: int) -> Histories:
        """New histories; the given ones are left unchanged.

        level    in [0, 1]; 0 gives equal histories
        n_items  size of the catalogue
        Returns  histories of the same users; times do not decrease, items lie in the catalogue
        """
