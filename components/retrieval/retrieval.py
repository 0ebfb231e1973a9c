"""Retrieval: how every model of a recommender is asked for its best items, by its form and the catalogue's size.

    sparse models       what they hold of a user, whatever the size
    unpersonal models   one list, sorted once
    vector models       all products while the catalogue is small, inverted lists beyond a size
    all others          scores of the whole catalogue

An index is made once, and looks into as many lists as known users need for the wanted recall; other users check that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from components.core import bundle
from components.core.config import Config
from components.core.dataset import Histories
from components.core.forms import SparseModel, VectorModel
from components.core.model import Model
from components.retrieval.evidence import SPARE, Common, Dense, Evidence, Listed, ListedVectors, Sparse
from components.retrieval.vectors import CHECKED_AT, EXACT_UP_TO, Checked, InvertedLists, checked

CHECKED_USERS = 200  # half of them choose how many lists are looked into, the other half judge
SAMPLE = 4096
DENSE_SHARE = 0.02  # stored scores of a block; above it a look at all of them is the quicker one
PER_ROOT = 2  # lists: so many times the root of the catalogue
TRAINED_PER_LIST = 40


class RetrievalConfig(Config):
    """When a model with vectors is asked through an index, and what the index must keep.

    exact_up_to   items up to which all products are made: 100,000 × 64 take about 3 ms
    least_recall  share of the exact 100 best items that the index must find, or no release is made with it
    """

    exact_up_to: int = Field(default=EXACT_UP_TO, ge=1, le=100_000_000)
    least_recall: float = Field(default=0.95, gt=0, le=1)


@dataclass
class Retrieval:
    """How the models of one recommender are asked; `listed` and `checked` hold the models that have an index."""

    config: RetrievalConfig = field(default_factory=RetrievalConfig)
    listed: dict[str, ListedVectors] = field(default_factory=dict)
    checked: dict[str, Checked] = field(default_factory=dict)
    _common: dict[str, Common] = field(default_factory=dict)

    @classmethod
    def make(
        cls, models: Mapping[str, Model], histories: Histories, config: RetrievalConfig, rng: np.random.Generator
    ) -> Retrieval:
        """Index every model with vectors whose catalogue is too large to be looked through.

        histories  of known users, who are asked about the recall
        """
        made = cls(config)
        known = np.flatnonzero(histories.lengths > 0)
        drawn = histories.take(np.sort(rng.permutation(known)[:CHECKED_USERS]))
        for name, model in models.items():
            if isinstance(model, VectorModel) and model.n_items > config.exact_up_to:
                made.listed[name], made.checked[name] = _indexed(model, drawn, config.least_recall, rng)
        return made

    def evidence(self, name: str, model: Model, histories: Histories) -> Evidence:
        """What a model says of these histories."""
        if name in self.listed:
            return Listed(self.listed[name], model.queries(histories), model.softmax)
        if not model.capabilities.personal:
            return self.common(name, model)
        if isinstance(model, SparseModel):
            scores = model.evidence(histories)
            if scores.nnz <= DENSE_SHARE * scores.shape[0] * scores.shape[1] or model.n_items > self.config.exact_up_to:
                return Sparse(scores)
            return Dense(scores.toarray())
        return Dense(model.score(histories))

    def common(self, name: str, model: Model) -> Common:
        """The list of a model that is the same for everyone; sorted when it is first asked for."""
        if name not in self._common:
            self._common[name] = Common(model.score(Histories.of([[]], [[]], 1))[0])
        return self._common[name]

    def below(self) -> dict[str, float]:
        """Recall of the indexes that keep less than they must."""
        return {n: c.recall for n, c in self.checked.items() if c.recall < self.config.least_recall}

    def facts(self) -> dict[str, Any]:
        """For release.json: how the models are asked, and with what recall."""
        return {**self.config.model_dump(mode="json"), "recall_at": CHECKED_AT, "indexes": {
            name: {"lists": kept.lists, "probed": kept.probed, "recall": round(kept.recall, 4), "users": kept.judges}
            for name, kept in self.checked.items()
        }}  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write the indexes and how they are asked as a sealed folder; the vectors stay with their models."""
        with bundle.replacing(folder) as fresh:
            for name, listed in self.listed.items():
                listed.lists.write(fresh / f"{name}.faiss")
            bundle.write_json(fresh / bundle.META, self.facts())
            bundle.seal(fresh, {})

    @classmethod
    def load(cls, folder: Path, models: Mapping[str, Model]) -> Retrieval:
        """Read what `save` wrote, from a folder that was verified by its seal."""
        facts = bundle.read_json(folder / bundle.META)
        made = cls(RetrievalConfig(**{name: facts[name] for name in RetrievalConfig.model_fields}))
        for name, kept in facts["indexes"].items():
            made.checked[name] = Checked(kept["lists"], kept["probed"], kept["recall"], kept["users"])
            lists = InvertedLists.read(folder / f"{name}.faiss")
            made.listed[name] = _listed(models[name].item_vectors(), lists, kept["probed"])
        return made


def _indexed(
    model: VectorModel, drawn: Histories, least: float, rng: np.random.Generator
) -> tuple[ListedVectors, Checked]:
    vectors = model.item_vectors()
    n_lists = max(1, round(PER_ROOT * len(vectors) ** 0.5))
    n_lists = min(n_lists, max(1, len(vectors) // TRAINED_PER_LIST))
    lists = InvertedLists.make(vectors, n_lists, TRAINED_PER_LIST * n_lists, rng)
    found = checked(vectors, lists, model.queries(drawn), least, SPARE)
    return _listed(vectors, lists, found.probed), found


def _listed(vectors: np.ndarray, lists: InvertedLists, probed: int) -> ListedVectors:
    drawn = np.random.default_rng(0).choice(len(vectors), min(SAMPLE, len(vectors)), replace=False)
    return ListedVectors(vectors, lists, probed, np.sort(drawn))
