"""What a user had before is ordered by the odds that it is bought again; what is new, by the trees; both in log odds.

Trees that learn from one window learn what was special about it. A repeat model that learns from several foretells
the next one better, so its odds lead among the items a user had, and the trees' scores, put into log odds by one line
for items a user had and one for new ones, say the rest: that line also tells how many new items are worth a place.
Source of the lines: Platt 1999, "Probabilistic outputs for support vector machines".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import Field

from components.core.config import Config
from components.core.errors import ConfigError
from components.core.logistic import logistic

LEAST_BOUGHT = 20  # candidates of a kind that were bought; fewer give no line
SMALLEST_CHANCE = 1e-6


class BuyAgainConfig(Config):
    """model: one of the candidates, whose score is the probability that an item is bought again, and 0 for new items.

    weight is what its log odds count among the items a user had; the trees count the rest.
    """

    model: str
    weight: float = Field(default=0.85, gt=0, le=1)


@dataclass(frozen=True)
class BuyAgain:
    """Log odds of candidates.

    column     name of the feature that is the probability
    weight     what it counts for items that the user had
    had, new   (level, slope) of the line from a score of the trees to log odds, for items of either kind
    """

    column: str
    weight: float
    had: tuple[float, float]
    new: tuple[float, float]

    @classmethod
    def fit(
        cls,
        config: BuyAgainConfig,
        scores: np.ndarray,
        chances: np.ndarray,
        bought: np.ndarray,
        weights: np.ndarray,
    ) -> BuyAgain | None:
        """The lines by candidates whose scores say nothing learnt from them; None where too few were bought.

        scores   float (pairs,), of the trees; chances: float (pairs,), of the repeat model
        bought   bool (pairs,); weights: float (pairs,), how many candidates a pair stands for
        Raises   ConfigError if the chances are no probabilities
        """
        if chances.max(initial=0) > 1 or chances.min(initial=0) < 0:
            raise ConfigError(
                f"params.yaml: rank.buy_again.model: {config.model} gives scores outside 0 … 1, which are no "
                "probabilities; name a model whose component is repeat_purchase."
            )
        lines = []
        for part in (chances > 0, chances <= 0):
            if min(bought[part].sum(), (~bought[part]).sum()) < LEAST_BOUGHT:
                return None
            design = np.column_stack((np.ones(part.sum()), scores[part].astype(np.float64)))
            level, slope = logistic(design, bought[part], 1e-3, weights[part]).tolist()
            lines.append((level, max(slope, 0.0)))
        return cls(f"score.{config.model}", config.weight, *lines)

    def score(self, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """float32 (pairs,), log odds; scores: of the trees, chances: the values of `column`."""
        level, slope = self._line(chances)
        return (self._share(chances) * (level + slope * scores) + self._own(chances)).astype(np.float32)

    def contributions(self, added: np.ndarray, base: float, chances: np.ndarray, column: int) -> np.ndarray:
        """float32 (pairs, features): what every feature adds to `score`, up to a constant that all pairs share.

        added   float32 (pairs, features), what it adds to the trees' score above `base`
        column  of the repeat model, to which its odds are put down
        """
        level, slope = self._line(chances)
        out = (self._share(chances) * slope)[:, None] * added
        constant = self.new[0] + self.new[1] * base
        out[:, column] += self._share(chances) * (level + slope * base) + self._own(chances) - constant
        return out.astype(np.float32)

    def pack(self) -> dict[str, Any]:
        """As JSON knows it."""
        return asdict(self)

    @classmethod
    def unpack(cls, packed: dict[str, Any] | None) -> BuyAgain | None:
        """What `pack` gave, or None."""
        if packed is None:
            return None
        return cls(packed["column"], packed["weight"], tuple(packed["had"]), tuple(packed["new"]))

    def _line(self, chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        had = chances > 0
        return np.where(had, self.had[0], self.new[0]), np.where(had, self.had[1], self.new[1])

    def _own(self, chances: np.ndarray) -> np.ndarray:
        return np.where(chances > 0, self.weight * _log_odds(chances), 0)

    def _share(self, chances: np.ndarray) -> np.ndarray:
        return np.where(chances > 0, 1 - self.weight, 1.0)


def _log_odds(chances: np.ndarray) -> np.ndarray:
    clipped = np.clip(chances.astype(np.float64), SMALLEST_CHANCE, 1 - SMALLEST_CHANCE)
    return np.log(clipped / (1 - clipped))
