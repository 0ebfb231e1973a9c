"""A release in memory: a question in, a ranked answer out. No files, no clock, no framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from components.core.dataset import Dataset, Histories
from components.core.errors import ConfigError
from components.core.model import Model
from components.core.schema import PURCHASE, RANKER
from components.ranking.exploration import draw
from components.ranking.hybrid import Hybrid
from components.ranking.list_policy import DEEPEST, ListPolicy
from components.ranking.order import Order, best
from components.ranking.reasons import Reason, reasons
from components.release.catalogue import Catalogue, Filters
from components.release.explorer import Explorer
from components.release.segments import Segments
from components.search.index import SearchIndex

PSEUDONYM_KEY = "pseudonym_key"  # in release.json
HISTORY_EVENTS = "history_events"  # in release.json: the event types that its histories were made of
POPULAR = "popular"  # the stated fallback
SEGMENT = "popular_in_segment"  # the same, among people of the attributes that came with the question
EVENT_GAP_S = 3600  # a history sent without times is taken as one event an hour, the last an hour before now
NOTHING = np.zeros(0, dtype=np.int64)
BEHIND = 1.0  # evidence scores stay above it, fillers below


@dataclass(frozen=True)
class Event:
    """Something a user did after the release's cut-off, of a type that counts; time in unix seconds."""

    item_id: str
    time: int


@dataclass(frozen=True)
class Question:
    """Who wants what.

    user_id      a known or unknown user
    history      item ids, oldest first, in place of a user
    events       what the user did since, those of one second in their order; what was before the cut-off is left out
    policy       RANKER asks the hybrid; else the name of one of the release's models
    attributes   (name, value) of somebody who may have no history; else they change nothing
    diversity, novelty  0 … 1, in place of what the release's list policy says; None keeps that
    """

    user_id: str | None = None
    history: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    k: int = 10
    exclude_seen: bool = False
    filters: Filters = field(default_factory=Filters)
    policy: str = RANKER
    diversity: float | None = None
    novelty: float | None = None
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """Items best first, at most k, none twice; fallback says why it is not personal, else None.

    probabilities  float32, that an item is bought, as the ranker's calibration has it; NaN where nothing says so
    propensities   float64, that the item was shown at its place; None: with certainty
    explored       index of the place that was given to a little known item, None where none was
    """

    items: np.ndarray
    scores: np.ndarray
    fallback: str | None
    probabilities: np.ndarray
    propensities: np.ndarray | None = None
    explored: int | None = None


class Release:
    """Everything one service version needs; read-only, so that any number of threads may ask at once."""

    def __init__(
        self,
        facts: dict[str, Any],
        digest: str,
        hybrid: Hybrid,
        catalogue: Catalogue,
        known: Dataset,
        list_policy: ListPolicy,
        *,
        search: SearchIndex | None = None,
        explorer: Explorer | None = None,
        segments: Segments | None = None,
    ):
        """facts: release.json; known: the dataset whose histories it answers for. `load` reads one from disk."""
        self.facts = facts
        self.digest = digest
        self.hybrid = hybrid
        self.catalogue = catalogue
        self.known = known
        self.list_policy = list_policy
        self.search = search
        self.explorer = explorer
        self.segments = segments

    @property
    def pseudonym_key(self) -> str | None:
        """Fingerprint of the key that made its user ids, None where they are the shop's own."""
        return self.facts.get(PSEUDONYM_KEY)

    @property
    def history_events(self) -> tuple[str, ...]:
        """Event types that change an answer: those its models were fitted on. Releases that do not tell had purchases
        counted when they were approved.
        """
        return tuple(self.facts.get(HISTORY_EVENTS, (PURCHASE,)))

    def recommend(self, question: Question) -> Answer:
        """Answer one question; an empty history gets what is popular.

        Raises ConfigError if the policy is unknown.
        """
        allowed = self._allowed(question.filters)
        policy = self.list_policy.asked(question.diversity, question.novelty)
        history = self.history(question)
        model = self._model(question.policy)
        if not len(history.items):
            return self._popular(question.k, allowed, policy, question.attributes)
        if model is None:
            wishes = None if policy.plain else policy
            found = self.hybrid.lists(
                history, question.k, exclude_seen=question.exclude_seen, allowed=allowed, policy=wishes
            )
            return _answer(found.items[0], found.scores[0], None, found.probabilities[0])
        order = self._order_of(model, question, history, allowed, policy)
        return _answer(*best(order, question.k, policy), None)

    def explore(self, question: Question, answer: Answer, request_id: str) -> Answer:
        """The answer as it is shown: now and then one place is given to a little known item (ranking/exploration.py).

        The same answer, question and id give the same; its score lies below all others, for it did not earn its place.
        """
        if self.explorer is None or not self.explorer.config.share or not len(answer.items):
            return answer
        history, policy = self.history(question), self.list_policy
        pool = self.explorer.pool(history, answer.items, self._allowed(question.filters))
        pool = pool[policy.has_room(answer.items, pool)]
        drawn = draw(self.explorer.config, request_id, len(answer.items), policy.pinned(answer.items), pool)
        if drawn.at is None:
            return replace(answer, propensities=drawn.propensities)
        items, scores, chances = answer.items.copy(), answer.scores.copy(), answer.probabilities.copy()
        items[drawn.at], scores[drawn.at], chances[drawn.at] = drawn.item, answer.scores.min() - BEHIND, np.nan
        return Answer(items, scores, answer.fallback, chances, drawn.propensities, drawn.at)

    def reasons(self, question: Question, answer: Answer) -> list[Reason]:
        """Why each item of an answer to this question stands in it; empty reasons where the ranker did not order it."""
        if answer.fallback is not None or question.policy != RANKER:
            return [Reason(int(item), [], []) for item in answer.items]
        history = self.history(question)
        return reasons(self.hybrid, history, answer.items, allowed=self._allowed(question.filters))

    def similar(self, item_id: str, k: int, filters: Filters) -> Answer:
        """The k items nearest to one; what is popular if the item is unknown. Of the list policy only bans, price
        band and stock count: nobody's list is re-ordered here.
        """
        allowed = self._allowed(filters)
        item = self.hybrid.items.index(item_id)
        if item < 0:
            return self._popular(k, allowed)
        return _answer(*self.hybrid.similar(item, k, allowed=allowed), None)

    def history(self, question: Question) -> Histories:
        """The past of the one who asks, as one history row; items the catalogue does not know are left out."""
        now = self.known.now
        if question.history:
            items = self._known_items(question.history)
            ages = EVENT_GAP_S * np.arange(len(items), 0, -1, dtype=np.int64)
            return Histories.of([items], [now - ages], now)
        row = self.known.users.index(question.user_id) if question.user_id is not None else -1
        past = self.known.histories.take([row]) if row >= 0 else Histories.of([[]], [[]], now)
        return self._extended(past, question.events)

    def _allowed(self, filters: Filters) -> np.ndarray | None:
        """What the request's filters and the shop's list policy leave; None where neither restricts anything."""
        asked = self.catalogue.allowed(filters)
        if self.list_policy.plain:
            return asked
        left = self.list_policy.allowed()
        return left if asked is None else asked & left

    def _extended(self, past: Histories, events: Sequence[Event]) -> Histories:
        """`past` with newer events; now moves on to just after the last of them."""
        # Stable: what happened in the same second stays in the order in which it was told.
        in_order = sorted((e for e in events if e.time >= past.now), key=lambda e: e.time)
        new = [(e.time, item) for e in in_order if (item := self.hybrid.items.index(e.item_id)) >= 0]
        if not new:
            return past
        items = np.concatenate([past.items, [item for _, item in new]]).astype(np.int32)
        times = np.concatenate([past.times, [time for time, _ in new]]).astype(np.int64)
        indptr = np.array([0, len(items)], dtype=np.int64)
        return replace(past, indptr=indptr, items=items, times=times, now=new[-1][0] + 1)

    def _known_items(self, item_ids: Sequence[str]) -> list[int]:
        indices = (self.hybrid.items.index(item_id) for item_id in item_ids)
        return [item for item in indices if item >= 0]

    def _model(self, policy: str) -> Model | None:
        if policy == RANKER:
            return None
        if policy not in self.hybrid.models:
            known = ", ".join([RANKER, *self.hybrid.models])
            raise ConfigError(f"policy '{policy}': not in this release; known: {known}.")
        return self.hybrid.models[policy]

    def _order_of(
        self, model: Model, question: Question, history: Histories, allowed: np.ndarray | None, policy: ListPolicy
    ) -> Order:
        """A plain model's evidence, as deep as the policy may look, and behind it all else by popularity (0 … 1)."""
        evidence = self.hybrid.retrieval.evidence(question.policy, model, history)
        depth = question.k if policy.plain else DEEPEST
        rows, items = evidence.best(depth, history, only_new=question.exclude_seen, allowed=allowed)
        scores = (evidence.at(rows, items) + BEHIND).astype(np.float32)
        seen = history.items if question.exclude_seen else None
        return Order(items, scores, self.hybrid.popular, np.float32(-BEHIND), seen, allowed)

    def _popular(
        self,
        k: int,
        allowed: np.ndarray | None,
        policy: ListPolicy | None = None,
        attributes: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        found = self.segments.popular(attributes) if self.segments is not None and attributes else None
        order = Order(NOTHING, NOTHING.astype(np.float32), found or self.hybrid.popular, np.float32(0), None, allowed)
        return _answer(*best(order, k, policy), POPULAR if found is None else SEGMENT)


def _answer(
    ranked: np.ndarray, scores: np.ndarray, fallback: str | None, probabilities: np.ndarray | None = None
) -> Answer:
    real = ranked >= 0
    told = np.full(len(ranked), np.nan, dtype=np.float32) if probabilities is None else probabilities
    return Answer(ranked[real], scores[real].astype(np.float32), fallback, told[real])
