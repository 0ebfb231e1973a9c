"""Send the documents of an index to a search server, and ask that server in place of the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace

import pyarrow as pa

from components.core import schema
from components.core.addresses import masked
from components.core.errors import DataError, ShoploopError
from components.core.progress import track
from components.search.build import documents
from components.search.engine import Document
from components.search.engines.elasticsearch import ElasticsearchEngine, index_name
from components.search.index import SearchIndex
from components.search.items import Items
from components.search.tally import Tally


class NotPushedError(ShoploopError):
    """The index is not on the search server, or not all of it."""


def push(index: SearchIndex, items: Items, url: str) -> str:
    """Send all items, cut as the index cuts them, and return the name of the index there.

    Raises DataError if the items are not those of the index, EngineError if the server does not take them,
           NotPushedError if it does not hold them all afterwards
    """
    name = index_name(index.digest)
    ElasticsearchEngine(url, name).write(track(_documents(index, items), "sending", len(index)))
    check_pushed(index, url)
    return name


def check_pushed(index: SearchIndex, url: str) -> None:
    """Raise NotPushedError unless the server holds every item of the index; EngineError if it does not answer."""
    name = index_name(index.digest)
    found = ElasticsearchEngine(url, name).size()
    if found != len(index):
        raise NotPushedError(
            f"search index {name}: {masked(url)} holds {found:,} of its {len(index):,} items; push it first: "
            f"shoploop search push INDEX ITEMS {masked(url)}"
        )


def served_by(index: SearchIndex, url: str) -> SearchIndex:
    """The same index, its words looked up on the server that `push` filled."""
    there = copy(index)  # with what it has loaded
    there.parts = replace(index.parts, engine=ElasticsearchEngine(url, index_name(index.digest)))
    return there


def _documents(index: SearchIndex, items: Items) -> Iterator[Document]:
    place = {item: row for row, item in enumerate(items.table[schema.ITEM_ID].to_pylist())}
    wanted = index.items[schema.ITEM_ID].to_pylist()
    if place.keys() != set(wanted):
        raise DataError("search push: these are not the items that the index was built from; build it again.")
    analyzer = index.parts.understanding.analyzer
    return documents(items.table.take(pa.array([place[item] for item in wanted])), analyzer, Tally(analyzer.stem))
