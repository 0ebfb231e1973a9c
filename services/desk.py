"""The desk: turns a request into a question for the release, and its answer into a reply that is logged.

Knows nothing of HTTP. A request is answered by one release from beginning to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from components.core import schema
from components.core.errors import ReleaseError
from components.core.stages import stage
from components.online.store import Exposure
from components.ranking.feature_digest import feature_digests
from components.ranking.feature_words import in_words
from components.release.release import RANKER, Answer, Event, Question, Release
from services.messages import (
    Contribution,
    EventsAnswer,
    EventsRequest,
    Item,
    OwnItem,
    Reasons,
    RecommendAnswer,
    RecommendedItem,
    RecommendRequest,
    SimilarAnswer,
    SimilarRequest,
)
from services.messages import Event as Told
from services.persons import Persons
from services.release_cache import Serving
from services.request_record import record
from services.search_messages import SearchAnswer, SearchRequest
from services.settings import Settings
from services.state import State

Asked = TypeVar("Asked", RecommendRequest, SearchRequest, Told)
DAY_S = 86_400
EARLY = "events before the release's cut-off ({cutoff}) are stored but change no answer: the release knows that time"
UNCOUNTED = "only events of the types {types} change an answer: this release's histories hold no others"


class Desk:
    """Answers requests from one release and the online state."""

    def __init__(self, settings: Settings, state: State):
        """Both are shared by all threads.

        on_answer  told of every question with the champion's answer and the seconds it took; returns at once
        """
        self.on_answer: Callable[[Question, Answer, Release, float], None] | None = None
        self.settings = settings
        self.state = state
        self.persons = Persons(settings)

    def recommend(self, request: RecommendRequest, now: Serving) -> RecommendAnswer:
        """Ranked items for a user or a history; what is shown is logged before it is sent, where it can be."""
        release = now.release
        request = self._protected(request, release)
        variant = self._variant(request.user_id)
        question, request_id = self._question(request, release, self._policy(variant)), record().request_id
        with stage("answer"):
            answer = release.explore(question, self._asked(question, now), request_id)
        reply = RecommendAnswer(
            request_id=request_id,
            items=_recommended(release, answer, _reasons(release, question, answer) if request.explain else None),
            fallback=answer.fallback,
            experiment=self.settings.experiment.name if variant else None,
            variant=variant,
            **_origin(now),
        )
        record().fallback = reply.fallback
        self._log(_exposure(request.user_id, reply, answer))
        return reply

    def _log(self, shown: Exposure) -> None:
        with stage("log"):
            record().unlogged = not self.state.log(shown)

    def _asked(self, question: Question, now: Serving) -> Answer:
        began = time.perf_counter()
        with feature_digests() as features, now.flights.one():
            answer = now.release.recommend(question)
        record().features = features[0] if features else None
        if now.on_trial:
            check_sound(answer)
        elif self.on_answer is not None:
            self.on_answer(question, answer, now.release, time.perf_counter() - began)
        return answer

    def similar(self, request: SimilarRequest, now: Serving) -> SimilarAnswer:
        """Ranked neighbours of an item."""
        with stage("answer"):
            answer = now.release.similar(request.item_id, request.k, request.filters.filters())
        record().fallback = answer.fallback
        return SimilarAnswer(
            request_id=record().request_id,
            items=_items(now.release, answer),
            fallback=answer.fallback,
            **_origin(now),
        )

    def events(self, request: EventsRequest, now: Serving) -> EventsAnswer:
        """Store events; they count from the user's next answer on."""
        release = now.release
        default_time = release.known.now if self.settings.clock == "release" else int(time.time())
        events = [self._protected(event, release) for event in request.events]
        with stage("log"):
            accepted = self.state.add_events(events, default_time)
        uncounted = sum(event.event_type not in release.history_events for event in request.events)
        early = sum(e.timestamp is not None and e.timestamp < release.known.now for e in request.events)
        return EventsAnswer(
            request_id=record().request_id,
            accepted=accepted,
            repeated=len(request.events) - accepted,
            unknown_items=sum(event.item_id not in release.hybrid.items for event in request.events),
            before_cutoff=early,
            not_counted=uncounted,
            note=_note(release, early, uncounted),
            **_origin(now),
        )

    def unit(self, request: RecommendRequest | SearchRequest, release: Release) -> str:
        """Whose request it is, for all that is decided by person: the release's name of the user, else the request."""
        return self._protected(request, release).user_id or record().request_id

    def asker(self, request: SearchRequest, release: Release) -> Question:
        """Who searches, as the release knows them: a history, or a user with what they did since."""
        request = self._protected(request, release)
        events = self._events(request.user_id, release) if request.user_id is not None else ()
        return Question(user_id=request.user_id, history=tuple(request.history or ()), events=events)

    def log_found(self, request: SearchRequest, reply: SearchAnswer, release: Release) -> None:
        """Log what a search showed, as what was recommended: by no experiment, with certainty. The query is kept
        nowhere.
        """
        shown = Exposure(
            request_id=reply.request_id,
            user_id=self._protected(request, release).user_id,
            item_ids=[item.item_id for item in reply.items],
            scores=[item.score for item in reply.items],
            release=release.digest,
            experiment=None,
            variant=None,
            time=time.time(),
        )
        self._log(shown)

    def check(self, release: Release) -> None:
        """Refuse a release that cannot be served here: no key to know people by, or not what the experiment needs.

        The store of events is not asked: whether it answers says nothing about a release.
        Raises ConfigError or ReleaseError.
        """
        self.persons.check(release)
        experiment = self.settings.experiment
        if experiment and experiment.treatment_model not in release.hybrid.models:
            raise ReleaseError(
                f"experiment {experiment.name}: this release has no model '{experiment.treatment_model}'; "
                f"it has {', '.join(release.hybrid.models)}."
            )

    def _protected(self, message: Asked, release: Release) -> Asked:
        """The message with the release's own name of the person in place of the shop's."""
        if message.user_id is None:
            return message
        name = self.persons.name(message.user_id, release, pseudonymous=message.pseudonymous)
        return message.model_copy(update={"user_id": name})

    def _variant(self, user_id: str | None) -> str | None:
        """The user's variant; nobody without an id takes part, for there is no unit to randomise."""
        experiment = self.settings.experiment
        return experiment.variant_of(user_id) if experiment and user_id is not None else None

    def _policy(self, variant: str | None) -> str:
        return self.settings.experiment.policies[variant] if variant else RANKER

    def _question(self, request: RecommendRequest, release: Release, policy: str) -> Question:
        return Question(
            user_id=request.user_id,
            history=tuple(request.history or ()),
            events=self._events(request.user_id, release) if request.user_id is not None else (),
            k=request.k,
            exclude_seen=request.exclude_seen,
            filters=request.filters.filters(),
            policy=policy,
            diversity=request.diversity,
            novelty=request.novelty,
            attributes=tuple(sorted((request.attributes or {}).items())),
        )

    def _events(self, user_id: str, release: Release) -> tuple[Event, ...]:
        """What the user did since the cut-off, of the types in the release's histories, as the service's clock sees it.

        Under the release's clock a time beyond the horizon becomes the horizon: the shop's past would else fade by all
        the years between its cut-off and today as soon as one event carries today's time.
        """
        cutoff = release.known.now
        with stage("state"):
            done = self.state.events(user_id, release.history_events, cutoff)
        if self.settings.clock == "wall":
            return done
        latest = cutoff + self.settings.horizon_days * DAY_S
        return tuple(replace(event, time=min(event.time, latest)) for event in done)


def check_sound(answer: Answer) -> None:
    """Raise ReleaseError if an answer's order means nothing, because its scores are no numbers."""
    if not np.isfinite(answer.scores).all():
        raise ReleaseError("release: it gave scores that are no numbers.")


def _note(release: Release, early: int, uncounted: int) -> str | None:
    notes = [EARLY.format(cutoff=release.facts["cutoff_time"])] if early else []
    if uncounted:
        notes.append(UNCOUNTED.format(types=", ".join(release.history_events)))
    return "; ".join(notes) or None


def _items(release: Release, answer: Answer) -> list[Item]:
    return [Item(**fields) for fields in _described(release, answer)]


def _recommended(release: Release, answer: Answer, reasons: list[Reasons] | None) -> list[RecommendedItem]:
    chances = [None if np.isnan(p) else float(p) for p in answer.probabilities]
    whys = reasons or [None] * len(chances)
    return [
        RecommendedItem(**fields, probability=chance, reasons=why, explored=at == answer.explored)
        for at, (fields, chance, why) in enumerate(zip(_described(release, answer), chances, whys, strict=True))
    ]


def _described(release: Release, answer: Answer) -> Iterator[dict[str, Any]]:
    ids = release.hybrid.items.decode(answer.items).tolist()
    for rank, (item, item_id, score) in enumerate(zip(answer.items, ids, answer.scores, strict=True), start=1):
        yield {"rank": rank, "item_id": item_id, "score": float(score), **release.catalogue.describe(int(item))}


def _reasons(release: Release, question: Question, answer: Answer) -> list[Reasons]:
    with stage("reasons"):
        found = release.reasons(question, answer)
    ids, titles = release.hybrid.items.ids, release.catalogue.words[schema.TITLE]
    return [
        Reasons(
            because=[OwnItem(item_id=str(ids[item]), title=titles[item]) for item in why.because],
            features=[Contribution(feature=name, words=in_words(name), added=added) for name, added in why.features],
        )
        for why in found
    ]


def _origin(now: Serving) -> dict[str, str | None]:
    data_digest = now.release.facts["provenance"].get("data_digest", "unknown")
    return {"version": now.version, "release": now.release.digest, "data_digest": data_digest}


def _exposure(user_id: str | None, reply: RecommendAnswer, answer: Answer) -> Exposure:
    return Exposure(
        request_id=reply.request_id,
        user_id=user_id,
        item_ids=[item.item_id for item in reply.items],
        scores=[item.score for item in reply.items],
        release=reply.release,
        experiment=reply.experiment,
        variant=reply.variant,
        time=time.time(),
        propensity=1.0 if answer.propensities is None else answer.propensities.tolist(),
    )
