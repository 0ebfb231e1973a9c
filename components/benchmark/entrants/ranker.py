"""The loop's two stages on any data: the union of the models' candidates, ordered by LambdaMART.

The trees learn on the fold before the one that is asked: its models were fitted without its target, so their scores of
what was bought later are as honest as they will be on the fold that is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from components.benchmark.entrant import Entrant, Lister, lister
from components.benchmark.protocols import Question
from components.core.errors import ConfigError
from components.core.progress import track
from components.core.ranking import ALL, NEW
from components.core.space import Floats, Ints, Parameter
from components.ranking.consensus import ConsensusConfig
from components.ranking.context import bare_context
from components.ranking.hybrid import FALLBACK, Hybrid
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.ranking.training import (
    TwoStageConfig,
    buy_again,
    consensus,
    foretell,
    held_out_queries,
    training_table,
)


class RankerConfig(TwoStageConfig):
    """As section `rank` of params.yaml without `retrieval` and `engine`, and two options of its own.

    repeats      whether lists may hold what a user had before; buy_again is for lists that do
    consensus    as there, None by default: how much it brings depends on how much there is to learn from (decision 44)
    most_users   users the trees learn from, drawn at random where there are more: the training table, some hundred
                 rows for each, is held in memory
    """

    space: ClassVar = {f"lambdamart.{name}": part for name, part in LambdamartConfig.space.items()} | {
        "candidates_per_model": Ints(20, 100, log=True),
        "negatives_per_user": Ints(20, 200, log=True),
    }
    candidates: list[str] = Field(default=["popularity", "item_knn", "item_transition", "sasrec"], min_length=1)
    consensus: ConsensusConfig | None = None
    repeats: bool = False
    most_users: int = Field(default=30_000, ge=1)

    @model_validator(mode="after")
    def _lines_only_where_lists_repeat(self) -> RankerConfig:
        if self.buy_again and not self.repeats:
            raise ValueError("buy_again orders what a user had before, and lists without repeats hold none of it")
        return self


class Ranker(Entrant):
    """Candidates and their features from histories and the item table's categories; no other table is read."""

    Config = RankerConfig
    config: RankerConfig
    needs_earlier = True
    uses_content = True

    @classmethod
    def members(cls, config: RankerConfig, names: list[str]) -> list[str]:
        """The candidates; ConfigError if the run has not all of them, or popularity is not among them."""
        missing = sorted({FALLBACK, *config.candidates} - set(names))
        if missing or FALLBACK not in config.candidates:
            raise ConfigError(f"ranker: candidates: {', '.join(missing) or FALLBACK} is missing in this run or list.")
        return config.candidates

    @classmethod
    def space(cls, config: RankerConfig) -> dict[str, Parameter]:
        """What the repeat model counts too, where there is one."""
        weight = {"buy_again.weight": Floats(0.3, 1)} if config.buy_again else {}
        return weight | config.space

    def fit(self, earlier: Question | None, asked: Question, rng: np.random.Generator) -> Lister:
        """Trees on the earlier fold, candidates of the asked one.

        Raises ConfigError, before a model is fitted, where the training table needs more memory than there is
        """
        config, task = self.config, earlier.task
        views = (ALL, NEW) if config.repeats else (NEW,)
        rows = _drawn(len(task.histories), config.most_users, rng)
        bought, also = task.relevant[ALL], f" or most_users ({config.most_users})"
        foretell("ranker", bare_context(earlier.with_content()), len(rows), bought, config, len(views), also)
        before = self._hybrid(earlier)
        table = training_table(
            before, task.histories.take(rows), task.relevant[ALL][rows], config, rng, lambda b: track(b, "candidates"),
            views,
        )  # fmt: skip
        apart = config.lambdamart.patience or (config.repeats and (config.buy_again or config.consensus))
        held_out = held_out_queries(table.groups, config.held_out_share, rng, least=2 if apart else 1)
        held_out &= bool(apart)  # else nothing needs users that the trees did not see
        ranker = Lambdamart(config.lambdamart).fit(
            table.features, table.labels, table.groups, held_out, table.names, int(rng.integers(2**31))
        )
        ranker.consensus = consensus(config.consensus, ranker, table, held_out)
        ranker.buy_again = buy_again(config.buy_again, ranker, table, held_out)
        return lister(replace(self._hybrid(asked), ranker=ranker).score)

    def _hybrid(self, question: Question) -> Hybrid:
        models = {name: self.fits.fitted(name, question) for name in self.config.candidates}
        context, asked = bare_context(question.with_content()), self.config.consensus is not None
        return Hybrid(models, context, None, self.config.candidates_per_model, strengths=asked)


def _drawn(users: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """int64, rows of the users that are learnt from: all, or as many as may be, in their order."""
    return np.sort(rng.choice(users, most, replace=False)) if users > most else np.arange(users)
