"""The desk of /search and /suggest. The index is the release's own, or one folder for all releases.

Knows nothing of HTTP.
"""

from __future__ import annotations

from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from components.core.errors import ShoploopError
from components.core.stages import stage
from components.release.personal_search import LOOKED_AT, reordered
from components.release.release import Release
from components.release.search_policy import SearchPolicy
from components.search.index import FALLBACKS, Found, SearchIndex
from components.search.load import load
from services.desk import Desk
from services.release_cache import Serving
from services.request_record import record
from services.search_messages import (
    FacetValue,
    FoundItem,
    SearchAnswer,
    SearchRequest,
    SuggestAnswer,
    SuggestedText,
    SuggestRequest,
)
from services.search_server import SearchServer

NO_INDEX = "this release has no search index; run the step `index`, or name one in SHOPLOOP_SEARCH"


class NoIndexError(ShoploopError):
    """There is nothing to search in."""


class SearchDesk:
    """Answers from one index and, where a person is known, one release."""

    def __init__(self, desk: Desk):
        """BundleError if the folder of the settings holds no sound index."""
        self._desk = desk
        engine = desk.settings.search_engine
        self._server = None if engine is None else SearchServer(engine)
        self.policies: WeakKeyDictionary[Release, SearchPolicy] = WeakKeyDictionary()  # of those in memory
        self._making = Lock()
        folder = desk.settings.search
        self._own = None if folder is None else load(folder)
        if self._own is not None:
            self._own.warm()

    def check(self, release: Release, *, first: bool = False) -> None:
        """Make ready what searches with a release need, before it serves; refuse one whose index is not on the shop's
        search server, where there is one.

        first   nothing serves yet; see SearchServer.check
        Raises  NotPushedError, EngineError
        """
        index = self._own or release.search
        if index is not None and self._server is not None:
            self._server.check(index, first=first)
        if index is not None and (policy := self._policy(release, index)) is not None:
            policy.hidden_titles(index)

    def search(self, request: SearchRequest, now: Serving | None) -> SearchAnswer:
        """Ranked items for a query, with what was changed about it."""
        index, filters = self._index(now), request.filters.filters()
        policy = None if now is None else self._policy(now.release, index)
        kept = None if policy is None else policy.kept
        personal = now is not None and request.personalise and (request.user_id is not None or bool(request.history))
        deep = personal or (policy is not None and policy.pins)
        with stage("search"):
            limit = max(request.limit, LOOKED_AT) if deep else request.limit
            found = index.search(request.query, limit, filters, kept=kept)
        ids, scores = index.ids(found.hits.rows), found.hits.scores
        order = liked = None
        if personal and len(ids) > 1:
            with stage("personalise"):
                asker = self._desk.asker(request, now.release)
                with now.flights.one():
                    order = liked = reordered(now.release, asker, ids)
        if policy is not None and policy.pins:
            order = policy.arranged(np.arange(len(ids)) if order is None else order, ids)
        chosen = (np.arange(len(ids)) if order is None else order)[: request.limit]
        with stage("facets"):
            total, facets = index.facets(found, filters, request.facets, kept) if request.facets else (None, {})
        record().fallback = found.fallback
        reply = SearchAnswer(
            request_id=record().request_id,
            items=_items(index, found, chosen, scores if order is None else np.sort(scores)[::-1]),
            corrected=found.understood.corrected,
            dropped=list(found.understood.dropped),
            fallback=found.fallback,
            note=FALLBACKS.get(found.fallback),
            total=total,
            facets={name: [FacetValue(value=v, count=n) for v, n in values] for name, values in facets.items()},
            personalised=liked is not None,
            **_origin(now, index),
        )
        if now is not None:
            self._desk.log_found(request, reply, now.release)
        return reply

    def suggest(self, request: SuggestRequest, now: Serving | None) -> SuggestAnswer:
        """Completions of what was typed."""
        index = self._index(now)
        policy = None if now is None else self._policy(now.release, index)
        with stage("suggest"):
            kept, hidden = (None, ()) if policy is None else (policy.kept, policy.hidden_titles(index))
            offered = index.suggest(request.text, request.limit, kept, hidden)
        return SuggestAnswer(
            request_id=record().request_id, suggestions=[SuggestedText(**s) for s in offered], **_origin(now, index)
        )

    def _policy(self, release: Release, index: SearchIndex) -> SearchPolicy | None:
        """What the release's list policy says of its index; made once, for it looks at every item."""
        if release.list_policy.plain:
            return None
        made = self.policies.get(release)
        if made is None:
            with self._making:
                made = self.policies.get(release)
                if made is None:
                    made = self.policies[release] = SearchPolicy(release, index)
        return made

    def _index(self, now: Serving | None) -> SearchIndex:
        index = self._own or (now.release.search if now is not None else None)
        if index is None:
            raise NoIndexError(NO_INDEX)
        return index if self._server is None else self._server.index(index)


def _items(index: SearchIndex, found: Found, chosen: np.ndarray, scores: np.ndarray) -> list[FoundItem]:
    described = index.describe(found.hits.rows[chosen])
    return [FoundItem(rank=rank, score=float(scores[rank - 1]), **item) for rank, item in enumerate(described, start=1)]


def _origin(now: Serving | None, index: SearchIndex) -> dict[str, str | None]:
    if now is None:
        return {"version": None, "release": None, "data_digest": None, "index": index.digest}
    data_digest = now.release.facts["provenance"].get("data_digest", "unknown")
    return {"version": now.version, "release": now.release.digest, "data_digest": data_digest, "index": index.digest}
