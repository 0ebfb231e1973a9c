"""The port: whatever is to stand in the table gets the folds and gives back somebody who can be asked.

A single model is fitted on the history of the fold that is asked. A recommender of two stages may learn its second
stage from the fold before it, whose target it may see; the target of the fold that is asked is in nobody's hands.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from components.core.config import Config, parse
from components.core.dataset import Histories
from components.core.model import Model
from components.core.ranking import exclude, top_k
from components.core.registry import ENTRANTS, MODELS
from components.evaluation.protocol import NEW

if TYPE_CHECKING:
    from components.benchmark.by_data import ByData
    from components.benchmark.fits import Fits
    from components.benchmark.protocols import Question
    from components.core.space import Parameter


@dataclass(frozen=True)
class Spec:
    """One line of the `models:` section: its own name, a registered model or entrant, and its options.

    by_data  further options, each where its rule holds; empty once the data are known
    """

    name: str
    component: str
    params: dict[str, Any] = field(default_factory=dict)
    by_data: tuple[ByData, ...] = ()

    def model(self) -> Model:
        """The model, not fitted; ConfigError if it is unknown or refuses its options."""
        cls = MODELS.get(self.component)
        return cls(parse(cls.Config, self.params, f"models.{self.name}.params"))

    def reads(self) -> dict[str, str]:
        """What its own fit reads beside the data, by digest; ConfigError where that is not there."""
        return self.model().reads() if self.is_model else {}

    @property
    def is_model(self) -> bool:
        """Whether it is a single model."""
        return self.component in MODELS.modules

    @property
    def uses_content(self) -> bool:
        """Whether it reads what items are, itself; its members may do so besides."""
        if self.is_model:
            return MODELS.get(self.component).capabilities.uses_content
        return ENTRANTS.get(self.component).uses_content

    @property
    def learns_earlier(self) -> bool:
        """Whether it learns from the fold before the one that is asked."""
        return not self.is_model and ENTRANTS.get(self.component).needs_earlier

    @property
    def file(self) -> str:
        """Source file of what it names; ConfigError if there is no such thing."""
        return (ENTRANTS if self.component in ENTRANTS.modules else MODELS).file(self.component)


@dataclass(frozen=True)
class TopK:
    """Lists of n users, best first.

    items   int32 (n, k), catalogue indices, -1 where a list is shorter
    scores  float32 (n, k), not increasing along a row; 0 where items is -1
    """

    items: np.ndarray
    scores: np.ndarray


# Asked about a block of histories; gives lists by view (evaluation/protocol.py).
Lister = Callable[[Histories, tuple[str, ...], int], dict[str, TopK]]


class Entrant(ABC):
    """A recommender that is more than one model.

    A subclass lives in a file of its own in benchmark/entrants/ and declares `Config`, what of it may be searched, and
    needs_earlier  True where it learns from the fold before the one that is asked
    uses_content   True where it reads what items are, whatever its members read
    """

    version: ClassVar[int] = 1
    Config: ClassVar[type[Config]]
    needs_earlier: ClassVar[bool] = False
    uses_content: ClassVar[bool] = False

    def __init__(self, config: Config, fits: Fits):
        """config: its options; fits: fits the models of the same run, by their names, or finds them fitted."""
        self.config = config
        self.fits = fits

    @classmethod
    def members(cls, config: Config, names: list[str]) -> list[str]:  # noqa: ARG003 - for those that have some
        """The models of the run that it is made of; names: all single models of the run."""
        return []

    @classmethod
    def space(cls, config: Config) -> dict[str, Parameter]:
        """What a search may try; an option within an option is named `outer.inner`."""
        return dict(config.space)

    @abstractmethod
    def fit(self, earlier: Question | None, asked: Question, rng: np.random.Generator) -> Lister:
        """Learn, and give back somebody who can be asked.

        earlier  the fold before the one that is asked, with its target; None for who does not need it
        asked    the fold that is asked; use `asked.data`, never `asked.task.relevant`
        """


def lists_of(scores: np.ndarray, histories: Histories, views: tuple[str, ...], k: int) -> dict[str, TopK]:
    """Top-k lists of each view from a dense block of scores, float32 (n, n_items)."""
    return {
        view: best(exclude(scores, histories, seen=True) if view == NEW else np.asarray(scores), k) for view in views
    }


def best(scores: np.ndarray, k: int) -> TopK:
    """The k best of a dense block, ties in the order of the catalogue."""
    items = top_k(scores, k)
    at = np.take_along_axis(scores, items.clip(min=0), axis=1)
    return TopK(items, np.where(items >= 0, at, 0).astype(np.float32))


def lister(score: Callable[[Histories], np.ndarray]) -> Lister:
    """A lister that ranks the dense scores of a model, or of anything that scores the whole catalogue."""

    def ask(histories: Histories, views: tuple[str, ...], k: int) -> dict[str, TopK]:
        return lists_of(score(histories), histories, views, k)

    return ask
