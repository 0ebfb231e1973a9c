"""Hybrid: candidate models + features + LambdaMART = one recommender, offline and at serving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from components.core import bundle
from components.core.dataset import Histories
from components.core.errors import BundleError
from components.core.model import Model
from components.core.model import load as load_model
from components.core.ranking import top_k
from components.core.stages import stage
from components.core.vocabulary import Vocabulary
from components.features import history
from components.fusion.reciprocal_rank import worth
from components.ranking.candidates import Candidates, propose
from components.ranking.context import Context, pack, unpack
from components.ranking.feature_digest import note_features
from components.ranking.lambdamart import Lambdamart
from components.ranking.list_policy import ListPolicy
from components.ranking.order import Order, best
from components.retrieval.evidence import Common, Dense, Evidence
from components.retrieval.retrieval import Retrieval

FALLBACK = "popularity"
RETRIEVAL = "retrieval"  # in a release: the indexes, where there are any
BEHIND = np.float32(2)  # fillers, scored 0 … 1 by popularity, start this far below the lowest ranked candidate
TASTE_HALF_LIFE_DAYS = 60


@dataclass(frozen=True)
class Lists:
    """Best items first.

    items          int32 (n, k), -1 where fewer than k may be recommended
    scores         float32 (n, k), NaN there
    probabilities  float32 (n, k), that an item is bought in a window as long as the one the ranker was trained on; NaN
                   where nobody says so: the ranker has no calibration, or the item fills the list behind its candidates
    """

    items: np.ndarray
    scores: np.ndarray
    probabilities: np.ndarray


@dataclass
class Hybrid:
    """One recommender; `models` must hold "popularity", which fills lists that run short.

    retrieval             how the models are asked for their best items
    candidates_per_model  how many items each model may propose, twice: among all, and among new ones
    strengths             whether the ranker is told them; it must be as it was when the ranker was trained
    """

    models: dict[str, Model]
    context: Context
    ranker: Lambdamart | None
    candidates_per_model: int
    retrieval: Retrieval = field(default_factory=Retrieval)
    strengths: bool = True

    def __post_init__(self):
        """BundleError unless the ranker was trained on features normalised as the context's are."""
        if self.ranker is not None and self.ranker.normalization != self.context.normalizer.digest:
            raise BundleError(
                "the ranker was trained with another normalisation of its features than the one beside it; run rank "
                "again, and assemble the release from the same run."
            )

    @property
    def items(self) -> Vocabulary:
        """The catalogue."""
        return self.context.items

    @property
    def users(self) -> Vocabulary:
        """The users the slow features know."""
        return self.context.users

    def evidence(self, histories: Histories) -> dict[str, Evidence]:
        """Model name → what it says of these histories; models of no known form hold n × n_items scores."""
        return {name: self.retrieval.evidence(name, model, histories) for name, model in self.models.items()}

    @property
    def popular(self) -> Common:
        """Everyone's list."""
        return self.retrieval.common(FALLBACK, self.models[FALLBACK])

    def propose(
        self, histories: Histories, allowed: np.ndarray | None = None, scores: dict[str, np.ndarray] | None = None
    ) -> Candidates:
        """Candidates of all models; allowed as in candidates.propose.

        scores  model name → float32 (n, n_items), where the caller has them already; a model with an index is asked
                through it all the same, as at serving
        """
        known = {name: Dense(of) for name, of in (scores or {}).items() if name not in self.retrieval.listed}
        told = {
            name: known[name] if name in known else self.retrieval.evidence(name, model, histories)
            for name, model in self.models.items()
        }
        return propose(told, histories, len(self.items), self.candidates_per_model, allowed=allowed)

    def features(self, histories: Histories, candidates: Candidates) -> tuple[list[str], np.ndarray]:
        """Feature names and the float32 (pairs, features) matrix of candidates, normalised last."""
        rows, items, context = candidates.rows, candidates.items, self.context
        columns: dict[str, np.ndarray] = {}
        for name, scores in candidates.scores.items():
            columns[f"score.{name}"] = scores
            columns[f"rank.{name}"] = candidates.ranks[name]
            if self.strengths:
                columns[f"strength.{name}"] = candidates.strengths[name]
        columns["fused_rank"] = sum(worth(ranks) for ranks in candidates.ranks.values())
        columns |= history.pair_features(histories, len(context.items), rows, items, context.groups)
        columns |= {name: values[rows] for name, values in history.user_features(histories).items()}
        if context.vectors.shape[1]:
            columns["text_affinity"] = self._text_affinity(histories, rows, items)
        columns |= dict(zip(context.item_names, context.item_numbers[items].T, strict=True))
        columns |= dict(zip(context.user_names, context.user_rows(histories.users)[rows].T, strict=True))
        if {"price", "user_price"} <= set(columns):
            columns["price_against_usual"] = columns["price"] / np.maximum(columns["user_price"], 0.01)
        matrix = np.empty((len(rows), len(columns)), dtype=np.float32)
        for place, values in enumerate(columns.values()):
            matrix[:, place] = values
        return list(columns), context.normalizer.apply(list(columns), matrix)

    def score(self, histories: Histories, scores: dict[str, np.ndarray] | None = None) -> np.ndarray:
        """Dense float32 (n, n_items) scores: ranked candidates first, all else behind by popularity.

        scores   as in `propose`
        """
        return next(self.scores_by([self.ranker], histories, scores))

    def scores_by(
        self, rankers: Sequence[Lambdamart], histories: Histories, scores: dict[str, np.ndarray] | None = None
    ) -> Iterator[np.ndarray]:
        """What `score` is by each of these rankers, for the same candidates and features."""
        candidates, matrix = self._proposed(histories, None, scores)
        for ranker in rankers:
            ranked, lowest = _predicted(ranker, len(histories), candidates, matrix)
            dense = self.popular.scores[None] + (lowest - BEHIND)[:, None]
            dense[candidates.rows, candidates.items] = ranked
            yield dense

    def _proposed(
        self, histories: Histories, allowed: np.ndarray | None, scores: dict[str, np.ndarray] | None = None
    ) -> tuple[Candidates, np.ndarray | None]:
        """Candidates, and float32 (pairs, features) of them; None where there are none."""
        with stage("candidates"):
            candidates = self.propose(histories, allowed, scores)
        with stage("features"):
            matrix = self.features(histories, candidates)[1] if len(candidates.rows) else None
            if matrix is not None:
                note_features(candidates.items, matrix)
        return candidates, matrix

    def orders(
        self, histories: Histories, *, exclude_seen: bool = False, allowed: np.ndarray | None = None
    ) -> list[Order]:
        """Every user's order of the catalogue; allowed: bool (n_items,), items that are ranked and may stand."""
        candidates, matrix = self._proposed(histories, allowed)
        ranked, lowest = _predicted(self.ranker, len(histories), candidates, matrix)
        ends = np.searchsorted(candidates.rows, np.arange(len(histories) + 1))
        return [
            Order(
                candidates.items[ends[row] : ends[row + 1]],
                ranked[ends[row] : ends[row + 1]],
                self.popular,
                lowest[row] - BEHIND,
                histories.of_user(row)[0] if exclude_seen else None,
                allowed,
            )
            for row in range(len(histories))
        ]

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude_seen: bool = False,
        allowed: np.ndarray | None = None,
        policy: ListPolicy | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Best k items of every user with their scores, as in `Lists`; options as in `lists`."""
        found = self.lists(histories, k, exclude_seen=exclude_seen, allowed=allowed, policy=policy)
        return found.items, found.scores

    def lists(
        self,
        histories: Histories,
        k: int,
        *,
        exclude_seen: bool = False,
        allowed: np.ndarray | None = None,
        policy: ListPolicy | None = None,
    ) -> Lists:
        """Best k items of every user with all that is known of them.

        policy   what the shop wants of a list beside relevance; the scores stay the ranker's, so that they need not
                 fall along a list that it re-ordered
        """
        if policy is not None:
            allowed = policy.allowed() if allowed is None else policy.allowed() & allowed
        orders = self.orders(histories, exclude_seen=exclude_seen, allowed=allowed)
        found = [best(order, k, policy) for order in orders]
        ranked = np.stack([items for items, _ in found]) if found else np.zeros((0, k), dtype=np.int32)
        scores = np.stack([scores for _, scores in found]) if found else np.zeros((0, k), dtype=np.float32)
        bounds = np.array([order.shift for order in orders], dtype=np.float32) + BEHIND - np.float32(0.5)  # in between
        return Lists(ranked, scores, self._probabilities(scores, bounds))

    def _probabilities(self, scores: np.ndarray, lowest: np.ndarray) -> np.ndarray:
        curve = self.ranker.calibration
        if curve is None:
            return np.full_like(scores, np.nan)
        return np.where(scores >= lowest[:, None], curve.probability(scores), np.nan).astype(np.float32)

    def similar(self, item: int, k: int, *, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The k items nearest to one item by bought-together (item_knn where it is there) and by text.

        Returns  int32 (k,), -1 where there are no more; float32 (k,) scores, NaN there
        """
        scores = self.context.vectors @ self.context.vectors[item]
        if "item_knn" in self.models:
            alone = Histories.of([[item]], [[0]], now=1)
            together = self.models["item_knn"].score(alone)[0]
            scores = scores + 2 * together / max(float(together.max()), 1e-9)
        scores = scores.astype(np.float32)
        scores[item] = -np.inf
        if allowed is not None:
            scores[~allowed] = -np.inf
        ranked = top_k(scores[None], k)[0]
        return ranked, np.where(ranked >= 0, scores[ranked.clip(min=0)], np.nan).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write models/, context/ and ranker/ under a fresh folder; the caller seals it."""
        for name, model in self.models.items():
            model.save(folder / "models" / name)
        names, arrays, vocabularies = pack(self.context)
        meta = {"kind": "context", "format": 1, "candidates_per_model": self.candidates_per_model, **names}
        meta["models"] = list(self.models)
        bundle.write(folder / "context", meta, arrays=arrays, vocabularies=vocabularies)
        self.ranker.save(folder / "ranker")
        if self.retrieval != Retrieval():
            self.retrieval.save(folder / RETRIEVAL)

    @classmethod
    def load(cls, folder: Path) -> Hybrid:
        """Read what `save` wrote, from a folder that was verified by its seal."""
        content = bundle.read(folder / "context")
        models = {name: load_model(folder / "models" / name) for name in content.meta["models"]}
        ranker = Lambdamart.load(folder / "ranker")
        asked = Retrieval.load(folder / RETRIEVAL, models) if (folder / RETRIEVAL).is_dir() else Retrieval()
        return cls(models, unpack(content), ranker, content.meta["candidates_per_model"], asked)

    def _text_affinity(self, histories: Histories, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Cosine between an item's text vector and the mean of what the user bought lately."""
        vectors = self.context.vectors
        taste = histories.matrix(len(vectors), half_life_days=TASTE_HALF_LIFE_DAYS) @ vectors
        taste /= np.maximum(np.linalg.norm(taste, axis=1, keepdims=True), 1e-9)
        return np.einsum("pd,pd->p", taste[rows], vectors[items])


def _predicted(
    ranker: Lambdamart, n: int, candidates: Candidates, matrix: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """float32 (pairs,) scores of candidates, and float32 (n,), the bound below which a user's fillers score."""
    with stage("rank"):
        ranked = np.zeros(0, dtype=np.float32) if matrix is None else ranker.predict(matrix)
    lowest = np.zeros(n, dtype=np.float32)
    np.minimum.at(lowest, candidates.rows, ranked)
    return ranked, lowest
