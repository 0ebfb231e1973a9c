"""Reciprocal rank fusion of single models: no training of its own, hard to beat by much."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from components.benchmark.entrant import Entrant, Lister, TopK, best
from components.benchmark.protocols import Question
from components.core.config import Config
from components.core.dataset import Histories
from components.core.errors import ConfigError
from components.core.model import Model
from components.core.ranking import NEW, exclude, top_k
from components.core.space import Floats, Ints, Parameter
from components.fusion.reciprocal_rank import CONSTANT, fuse

Weight = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class FusionConfig(Config):
    """weights: model of the run → its weight; depth: places of each list that count; constant: as in the paper."""

    space: ClassVar = {"constant": Floats(1, 200, log=True), "depth": Ints(20, 500, log=True)}
    weights: dict[str, Weight] = Field(default_factory=lambda: {"sasrec": 1.0, "item_transition": 1.0, "item_knn": 1.0})
    depth: int = Field(default=100, ge=1, le=1000)
    constant: float = Field(default=CONSTANT, ge=0)


class Fusion(Entrant):
    """The sum of reciprocal ranks in the members' lists."""

    Config = FusionConfig
    config: FusionConfig

    @classmethod
    def members(cls, config: FusionConfig, names: list[str]) -> list[str]:
        """The models with a weight; ConfigError if the run has not all of them."""
        missing = sorted(set(config.weights) - set(names))
        if missing or not config.weights:
            raise ConfigError(f"fusion: weights: no model {', '.join(missing) or 'named'} in this run.")
        return list(config.weights)

    @classmethod
    def space(cls, config: FusionConfig) -> dict[str, Parameter]:
        """A weight for every member, beside the rest."""
        return {f"weights.{name}": Floats(0.1, 10, log=True) for name in config.weights} | config.space

    def fit(self, earlier: Question | None, asked: Question, rng: np.random.Generator) -> Lister:
        """Nothing is learnt beside the members."""
        models = {name: self.fits.fitted(name, asked) for name in self.config.weights}
        n_items = len(asked.data.items)

        def ask(histories: Histories, views: tuple[str, ...], k: int) -> dict[str, TopK]:
            scores = {name: _evidence(model, histories) for name, model in models.items()}
            return {view: best(self._fused(scores, histories, view, n_items), k) for view in views}

        return ask

    def _fused(self, scores: dict[str, np.ndarray], histories: Histories, view: str, n_items: int) -> np.ndarray:
        lists = (
            (top_k(exclude(dense, histories, seen=view == NEW), self.config.depth), self.config.weights[name])
            for name, dense in scores.items()
        )
        fused = fuse(lists, n_items, self.config.constant)
        return exclude(fused, histories, seen=view == NEW)


def _evidence(model: Model, histories: Histories) -> np.ndarray:
    """The model's scores, and nothing where it has no evidence: there the catalogue's order would give places."""
    scores = model.score(histories)
    return np.where(scores > 0, scores, -np.inf)
