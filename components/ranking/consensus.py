"""Consensus: what the models together say of a candidate, in log odds, by a handful of weights that cannot be negative.

Trees over eighty columns learn a window by heart where few people bought much in it, and are then worse than one of
the models they join. How strongly each model proposes an item, beside what else it proposes (0 … 1), means the same in
every window, and two weights a model, one for items the user had and one for new ones, cannot learn a window by heart.
So the less the trees had to learn from, the more the consensus counts.
Source: Breiman 1996, doi:10.1007/BF00117832, on weights of joined models that cannot be negative; Efron & Morris 1975,
doi:10.1080/01621459.1975.10479864, on leaning on a simple guess by how little evidence there is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import Field

from components.core.config import Config
from components.core.logistic import rising

HAD = "bought"  # the column that tells items the user had from new ones
STRENGTH = "strength."  # begins the names of the columns that are joined
LEAST_BOUGHT = 10  # candidates of a kind that were bought; fewer tell nothing
AMONG_EQUALS = 1e-4  # of the whole span of a model's scores
TOO_ALIKE = 1e-9  # scores that differ by no more order nothing
RIDGE = 1.0  # a weight of 1 costs as much as half a unit of log likelihood: little said is little believed


class ConsensusConfig(Config):
    """evidence: bought candidates to learn from at which trees and consensus count alike.

    With n of them the trees count n / (n + evidence), and the consensus the rest.
    """

    evidence: float = Field(default=1500, ge=0)


@dataclass(frozen=True)
class Consensus:
    """Log odds of candidates by trees and models together.

    columns              names of the features that are joined
    had, new             level and one weight a column, for items the user had and for new ones
    had_line, new_line   (level, slope) from a score of the trees to log odds, for items of either kind
    trees_share          what the trees count, 0 … 1
    """

    columns: list[str]
    had: list[float]
    new: list[float]
    had_line: tuple[float, float]
    new_line: tuple[float, float]
    trees_share: float

    @classmethod
    def only(cls, model: str, among_equals: str) -> Consensus:
        """The order of one model, whatever the trees say; another one orders what it scores alike."""
        columns, weights = [f"{STRENGTH}{model}", f"{STRENGTH}{among_equals}"], [0.0, 1.0, AMONG_EQUALS]
        return cls(columns, weights, weights, (0.0, 0.0), (0.0, 0.0), 0.0)

    def score(self, trees: np.ndarray, names: list[str], features: np.ndarray) -> np.ndarray:
        """float32 (pairs,), log odds.

        trees     float (pairs,), the trees' scores
        features  float32 (pairs, len(names))
        """
        level, slope = self._lines(names, features)
        models = self.of_models(names, features)
        return (self.trees_share * (level + slope * trees) + (1 - self.trees_share) * models).astype(np.float32)

    def of_models(self, names: list[str], features: np.ndarray) -> np.ndarray:
        """float64 (pairs,), log odds by the models alone; arguments as in `score`."""
        weights = self._weights(names, features)
        return weights[:, 0] + np.einsum("pc,pc->p", weights[:, 1:], self._strengths(names, features))

    def contributions(
        self, added: np.ndarray, base: float, names: list[str], features: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """What every feature adds to `score`, float32 (pairs, features), and the constant that makes them the score.

        added   float32 (pairs, features), what it adds to the trees' score above `base`
        """
        level, slope = self._lines(names, features)
        of_trees, rest = self.trees_share, 1 - self.trees_share
        weights = self._weights(names, features)
        constant = of_trees * (self.new_line[0] + self.new_line[1] * base) + rest * self.new[0]
        out = of_trees * slope[:, None] * added
        out[:, self._at(names)] += rest * weights[:, 1:] * self._strengths(names, features)
        out[:, names.index(HAD)] += of_trees * (level + slope * base) + rest * weights[:, 0] - constant
        return out.astype(np.float32), float(constant)

    def pack(self) -> dict[str, Any]:
        """As JSON knows it."""
        return asdict(self)

    @classmethod
    def unpack(cls, packed: dict[str, Any] | None) -> Consensus | None:
        """What `pack` gave, or None."""
        if packed is None:
            return None
        return cls(**packed | {line: tuple(packed[line]) for line in ("had_line", "new_line")})

    def _lines(self, names: list[str], features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        had = features[:, names.index(HAD)] > 0
        return tuple(np.where(had, *ends) for ends in zip(self.had_line, self.new_line, strict=True))

    def _weights(self, names: list[str], features: np.ndarray) -> np.ndarray:
        had = features[:, names.index(HAD)] > 0
        return np.where(had[:, None], np.array(self.had), np.array(self.new))

    def _strengths(self, names: list[str], features: np.ndarray) -> np.ndarray:
        return features[:, self._at(names)].astype(np.float64)

    def _at(self, names: list[str]) -> list[int]:
        return [names.index(column) for column in self.columns]


def joined(names: list[str], features: np.ndarray, bought: np.ndarray, weights: np.ndarray) -> dict[str, list[float]]:
    """Level and weights for items had and for new ones; of a kind of which too few were bought, those of both kinds.

    features  float32 (pairs, len(names)), candidates of users who stand for all
    bought    bool (pairs,); weights: float (pairs,), how many candidates a pair stands for
    Returns   {"had": …, "new": …}, as in Consensus; empty where too few were bought of either kind
    """
    at = [names.index(column) for column in columns(names)]
    return _by_kind(features[:, at], features[:, names.index(HAD)] > 0, bought, weights)


def lines(trees: np.ndarray, had: np.ndarray, bought: np.ndarray, weights: np.ndarray) -> dict[str, tuple]:
    """As `joined`, from scores of the trees to log odds, by users they did not see: "had_line" and "new_line"."""
    return {f"{kind}_line": tuple(line) for kind, line in _by_kind(trees[:, None], had, bought, weights).items()}


def line_alike(trees: np.ndarray, models: np.ndarray) -> dict[str, tuple[float, float]]:
    """As `lines`, where nobody was held out: the line that gives the trees' scores the mean and spread of the models'.

    trees, models  float (pairs,), scores of the same candidates. Trees that saw them spread wider than before others,
                   so they count a little less for it, never more.
    """
    slope = float(np.std(models) / max(float(np.std(trees)), TOO_ALIKE))
    line = (float(np.mean(models)) - slope * float(np.mean(trees)), slope)
    return {"had_line": line, "new_line": line}


def _by_kind(values: np.ndarray, had: np.ndarray, bought: np.ndarray, weights: np.ndarray) -> dict[str, list[float]]:
    design = np.column_stack((np.ones(len(values)), values.astype(np.float64)))
    found = {}
    for kind, part in (("had", had), ("new", ~had)):
        taken = part if _enough(bought[part]) else np.ones(len(bought), dtype=bool)
        if not _enough(bought[taken]):
            return {}
        found[kind] = rising(design[taken], bought[taken], RIDGE, weights[taken]).tolist()
    return found


def columns(names: list[str]) -> list[str]:
    """Those that are joined."""
    return [name for name in names if name.startswith(STRENGTH)]


def _enough(bought: np.ndarray) -> bool:
    return min(int(bought.sum()), int((~bought).sum())) >= LEAST_BOUGHT
