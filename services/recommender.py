"""The BentoML service: endpoints, readiness and metrics around the desk.

bentoml serve services.recommender:Recommender
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import bentoml
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from components.core.errors import StateError
from components.core.lean_imports import import_lean
from components.core.stages import note_stage
from components.release.release import Release
from components.search.engines.elasticsearch import EngineError
from components.search.push import NotPushedError
from services import draining, json_log, turnstile
from services.admin import AdminPort
from services.admission import Admission
from services.alongside import Alongside
from services.canary import Canary
from services.counter import WITHIN_S, Answering, Counter
from services.desk import Desk
from services.figures import exposition, figures
from services.front_door import FrontDoor
from services.messages import (
    EventsAnswer,
    EventsRequest,
    HealthAnswer,
    RecommendAnswer,
    RecommendRequest,
    ReleaseAnswer,
    ShadowState,
    SimilarAnswer,
    SimilarRequest,
)
from services.probation import Probation
from services.process import settle
from services.refusals import understood
from services.refused import RefusedError
from services.release_cache import Serving
from services.release_watcher import ReleaseWatcher
from services.request_guard import RequestGuard
from services.request_record import record
from services.search_desk import NoIndexError, SearchDesk
from services.search_messages import SearchAnswer, SearchRequest, SuggestAnswer, SuggestRequest
from services.settings import read_settings
from services.shadow import Shadow
from services.state import State

Asked = TypeVar("Asked", bound=BaseModel)
Answered = TypeVar("Answered", bound=BaseModel)
logger = logging.getLogger("shoploop.recommender")
SETTINGS = read_settings()
TIMEOUT_S = SETTINGS.body_within_s + WITHIN_S + 2.0  # BentoML's, for what hangs in spite of our own limits
LONGEST_NUMBER = 9  # digits
NO_STATE = "the store of events does not answer; come again in a second"
NO_ENGINE = "the search server does not answer; come again in a second"
NOTHING_YET = "no verified release yet; GET /health says why"
NO_RELEASE = "this service only searches; it serves an index, and no release"
SEARCHES_ONLY = "this service only searches; nothing is recommended here"


ROUTES = {
    "POST /recommend": "ranked items for a user_id or a history",
    "POST /similar": "ranked neighbours of an item_id",
    "POST /events": "tell what users did",
    "POST /search": "ranked items for a query, with facets",
    "POST /suggest": "completions of the beginning of a query; GET /suggest?text=… too",
    "GET /release": "what is being served",
    "GET /health": "whether anything is wrong, and what",
    "GET /readyz": "whether a verified release answers",
    "GET /metrics": "figures for Prometheus",
    "GET /schema.json": "the fields of every request and answer",
}


def _index(_: Request) -> Response:
    return JSONResponse({"service": "shoploop", "routes": ROUTES})


def _nothing(_: Request) -> Response:
    return JSONResponse({"error": "nothing here; GET / names the routes"}, status_code=404)


def _release(_: Request) -> Response:
    return _service().release()


def _health(_: Request) -> Response:
    return _service().health()


def _metrics(_: Request) -> Response:
    return _service().metrics()


def _suggest(request: Request) -> Response:
    return _service().suggest_page(request.query_params)


def _service() -> Recommender:
    return bentoml.get_current_service()


def _answering(path: str) -> Answering | None:
    service = _service()
    return None if service is None else service.answering.get(path)


# They come before BentoML's own index page, which loads a script of another host, and before that page's assets.
PAGES = [
    Route("/", _index),
    Route("/static_content{rest:path}", _nothing),
    Route("/assets{rest:path}", _nothing),
    Route("/docs.json", _nothing),
    Route("/release", _release),
    Route("/health", _health),
    Route("/metrics", _metrics),
    Route("/suggest", _suggest, methods=["GET"]),
]


@bentoml.asgi_app(Starlette(routes=PAGES), path="/")
@bentoml.service(
    name="shoploop",
    workers=SETTINGS.workers,
    threads=SETTINGS.threads,
    traffic={"timeout": TIMEOUT_S},
    logging={"access": {"enabled": False}},  # services/json_log.py
    metrics={"enabled": False},  # services/figures.py: BentoML's carry the path as it was asked, without bounds
    tracing={"excluded_urls": ".*"},  # services/traces.py: BentoML makes spans that nobody collects
    http={"host": "127.0.0.1"},
)
class Recommender:
    """Recommendations of the champion release."""

    def __init__(self) -> None:
        import_lean()
        json_log.configure()
        draining.watch()
        self.desk = Desk(SETTINGS, State.of(SETTINGS))
        self.search_desk = SearchDesk(self.desk)
        self.probation = Probation(SETTINGS.canary_lines) if SETTINGS.auto_rollback else None
        self.answering: dict[str, Answering] = {
            "/recommend": partial(self._shared, self.desk.recommend),
            "/similar": partial(self._answer, self.desk.similar),
            "/events": partial(self._answer, self.desk.events),
            "/search": partial(self._shared, self.search_desk.search),
            "/suggest": partial(self._answer, self.search_desk.suggest),
        }
        self.watcher = ReleaseWatcher(SETTINGS, self._check, self._swapped)
        self.canary = Canary(SETTINGS.canary_share, SETTINGS.canary_lines)
        self.shadow = Shadow(SETTINGS.shadow_share, SETTINGS.shadow_room)
        self.desk.on_answer = self.shadow.offer
        self.alongside = Alongside(SETTINGS, self.watcher, self._check, self.canary, self.shadow, self.probation)
        self._begin()
        self.admin = None
        if SETTINGS.admin_port is not None:
            pages = {"/metrics": self.metrics, "/release": self.release, "/health": self.health}
            self.admin = AdminPort(SETTINGS, pages)
            self.admin.start()
        settle()

    def _check(self, release: Release) -> None:
        """Refuse what cannot serve here."""
        self.desk.check(release)
        self.search_desk.check(release, first=self.watcher.current is None)

    def _begin(self) -> None:
        """Follow the registry; or, where there is only an index, answer from that."""
        if not SETTINGS.search_only:
            self._open_store()
            self.watcher.start()
            self.alongside.start()
            return
        self.answering = dict.fromkeys(self.answering, _searches_only) | {
            "/search": partial(self._alone, self.search_desk.search),
            "/suggest": partial(self._alone, self.search_desk.suggest),
        }
        figures().ready.set(1)

    def _open_store(self) -> None:
        try:
            self.desk.state.ensure_open()
        except StateError as e:  # /health says so, and the first request after it is back opens it
            logger.error("the store of events is away: %s", e)  # noqa: TRY400 - its words say it all

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop following the registry; what was asked has been answered by now."""
        self.watcher.stop()
        self.alongside.stop()
        if self.admin is not None:
            self.admin.stop()

    @bentoml.api
    def recommend(self, request: RecommendRequest, /) -> RecommendAnswer:
        """Ranked items for a user or a history."""
        return self.answering["/recommend"](request)

    @bentoml.api
    def similar(self, request: SimilarRequest, /) -> SimilarAnswer:
        """Ranked neighbours of an item."""
        return self.answering["/similar"](request)

    @bentoml.api
    def events(self, request: EventsRequest, /) -> EventsAnswer:
        """Tell what users did; idempotent by event_id."""
        return self.answering["/events"](request)

    @bentoml.api
    def search(self, request: SearchRequest, /) -> SearchAnswer:
        """Ranked items for a query."""
        return self.answering["/search"](request)

    @bentoml.api
    def suggest(self, request: SuggestRequest, /) -> SuggestAnswer:
        """Completions of the beginning of a query."""
        return self.answering["/suggest"](request)

    def suggest_page(self, asked: Mapping[str, str]) -> Response:
        """The same by GET: `text` and `limit` in the address."""
        known = {name: _number(value) if name == "limit" else value for name, value in asked.items()}
        try:
            request = understood("/suggest", json.dumps(known).encode())
        except RefusedError as e:
            return e.answer()
        answer = self.answering["/suggest"](request)
        return answer if isinstance(answer, Response) else JSONResponse(answer.model_dump())

    def release(self) -> Response:
        """What serves now."""
        now = self.watcher.current
        if now is None:
            return _no_release() if SETTINGS.search_only else _not_ready()
        return JSONResponse(_describe(now, self.watcher, self.shadow.state()).model_dump())

    def health(self) -> Response:
        """Whether anything is wrong, and what."""
        watcher = self.watcher
        canary = self.canary.state()
        champion = self.probation.state() if self.probation is not None else None
        stopped = canary is not None and canary.state != "running"
        went_back = champion is not None and champion.state != "watched"
        told = (watcher.doubt, watcher.registry_error, self.desk.state.trouble)
        troubled = stopped or went_back or watcher.pending or any(words is not None for words in told)
        serves = watcher.current is not None or SETTINGS.search_only
        status = "starting" if not serves else "degraded" if troubled else "ok"
        answer = HealthAnswer(
            status=status,
            version=watcher.current.version if watcher.current else None,
            refused=watcher.refused,
            doubt=watcher.doubt,
            canary=canary,
            champion=champion,
            registry_error=watcher.registry_error,
            store_error=self.desk.state.trouble,
        )
        return JSONResponse(answer.model_dump(), status_code=200 if serves else 503)

    def metrics(self) -> Response:
        """Figures of all workers."""
        figures().refused_release.set(self.watcher.pending)
        content, media_type = exposition()
        return Response(content, media_type=media_type)

    def __is_ready__(self) -> bool:
        """Ready when a release was verified, its golden answers reproduced, and the service is not leaving."""
        serves = self.watcher.current is not None or SETTINGS.search_only
        return serves and not draining.LEAVING.is_set()

    def _shared(self, ask: Callable[[Asked, Serving], Answered], request: Asked) -> Answered | Response:
        """What the desk says, from the release whose side the person is on."""

        def asked(request: Asked, champion: Serving) -> Answered:
            def of(side: Serving) -> Answered:
                record().served_by(side)
                return ask(request, side)

            def answered(side: Serving) -> Answered:
                return of(side) if side.on_trial or self.probation is None else self.probation.answer(side, of)

            return self.canary.answer(lambda: self.desk.unit(request, champion.release), champion, answered)

        return self._answer(asked, request)

    def _answer(self, ask: Callable[[Asked, Serving], Answered], request: Asked) -> Answered | Response:
        """What the desk says, from the release that serves at this moment."""
        note_stage("queue", record().admitted)
        now = self.watcher.current
        if now is None:
            return _not_ready()
        record().served_by(now)
        return _or_why_not(lambda: ask(request, now))

    def _alone(self, ask: Callable[[Asked, None], Answered], request: Asked) -> Answered | Response:
        """What the desk says of an index without a release."""
        note_stage("queue", record().admitted)
        return _or_why_not(lambda: ask(request, None))

    def _swapped(self) -> None:
        now, ledger = self.watcher.current, self.watcher.ledger
        figures().swapped(now.version if now else None)
        if self.probation is not None and now is not None:
            promoted = ledger is not None and now.version is not None and ledger.promoted(now.version)
            self.probation.swapped(self.watcher.standby, now, promoted=promoted)


ADMISSION = Admission(SETTINGS.queue)
turnstile.install(ADMISSION)
Recommender.add_asgi_middleware(FrontDoor, settings=SETTINGS)
Recommender.add_asgi_middleware(
    RequestGuard,
    max_body_bytes=SETTINGS.max_body_kb * 1024,
    within_s=SETTINGS.body_within_s,
    admission=ADMISSION,
    bodies=SETTINGS.bodies,
)
Recommender.add_asgi_middleware(Counter, answering=_answering, threads=SETTINGS.threads)


def _number(text: str) -> int | str:
    """A number of a few plain digits; all else stays text, which is then refused as any other."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER else text


def _or_why_not(ask: Callable[[], Answered]) -> Answered | Response:
    """The answer, or in words why there is none: no index, a search server or a store that is away."""
    try:
        return ask()
    except NoIndexError as e:
        return JSONResponse({"error": str(e)}, status_code=404)
    except (EngineError, NotPushedError) as e:
        logger.error("no answer: %s", e)  # noqa: TRY400 - as below
        record().refused = "engine"
        return JSONResponse({"error": NO_ENGINE}, status_code=503, headers={"Retry-After": "1"})
    except StateError as e:
        logger.error("no answer: %s", e)  # noqa: TRY400 - its words say it all, and a traceback a second says less
        record().refused = "state"
        return JSONResponse({"error": NO_STATE}, status_code=503, headers={"Retry-After": "1"})


def _searches_only(_: BaseModel) -> Response:
    return JSONResponse({"error": SEARCHES_ONLY}, status_code=404)


def _no_release() -> Response:
    return JSONResponse({"error": NO_RELEASE}, status_code=404)


def _not_ready() -> Response:
    return JSONResponse({"error": NOTHING_YET}, status_code=503, headers={"Retry-After": "1"})


def _describe(now: Serving, watcher: ReleaseWatcher, shadow: ShadowState | None) -> ReleaseAnswer:
    facts = dict(now.release.facts)
    provenance = facts.pop("provenance")
    return ReleaseAnswer(
        version=now.version,
        release=now.release.digest,
        data_digest=provenance.get("data_digest", "unknown"),
        loaded_at=now.loaded_at,
        cutoff_time=facts["cutoff_time"],
        git_commit=provenance.get("git_commit", "unknown"),
        facts=facts,
        refused=watcher.refused,
        shadow=shadow,
    )
