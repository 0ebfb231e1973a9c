"""The shop's own search server, for the desk: an index is asked there only once it was seen to be whole there."""

from __future__ import annotations

import logging
from weakref import WeakKeyDictionary

from components.search.engines.elasticsearch import EngineError
from components.search.index import SearchIndex
from components.search.push import check_pushed, served_by

logger = logging.getLogger("shoploop.search_server")


class SearchServer:
    """Shared by all threads."""

    def __init__(self, url: str):
        """url: of an Elasticsearch or OpenSearch that `shoploop search push` filled."""
        self.url = url
        self._whole: set[str] = set()
        self._there: WeakKeyDictionary[SearchIndex, SearchIndex] = WeakKeyDictionary()

    def check(self, index: SearchIndex, *, first: bool) -> None:
        """Refuse an index that is not on the server as a whole.

        first   nothing serves yet: a server that is away keeps nobody from starting, and is asked again by the first
                search. It keeps nobody from going back to an index that was whole either
        Raises  NotPushedError, EngineError
        """
        try:
            self._look(index)
        except EngineError as e:
            if not first and index.digest not in self._whole:
                raise
            logger.warning("the search server was not asked for an index: %s", e)

    def index(self, index: SearchIndex) -> SearchIndex:
        """The same index, its words looked up there. Raises as `check`, where it has not been seen there yet."""
        there = self._there.get(index)
        if there is None:
            if index.digest not in self._whole:
                self._look(index)
            there = self._there[index] = served_by(index, self.url)
        return there

    def _look(self, index: SearchIndex) -> None:
        check_pushed(index, self.url)
        self._whole.add(index.digest)
