"""Send the documents of an index to a search server, and ask that server in place of the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from components.core import schema
from components.core.errors import DataError
from components.core.progress import track
from components.search.build import documents
from components.search.engine import Document
from components.search.engines.elasticsearch import ElasticsearchEngine, index_name
from components.search.index import SearchIndex
from components.search.items import Items
from components.search.tally import Tally


def push(index: SearchIndex, items: Items, url: str) -> str:
    """Send all items, cut as the index cuts them, and return the name of the index there.

    Raises DataError if the items are not those of the index, EngineError if the server does not take them
    """
    name = index_name(index.digest)
    ElasticsearchEngine(url, name).write(track(_documents(index, items), "sending", len(index)))
    return name


def served_by(index: SearchIndex, url: str) -> SearchIndex:
    """The same index, its words looked up on the server that `push` filled."""
    return SearchIndex(replace(index.parts, engine=ElasticsearchEngine(url, index_name(index.digest))))


def _documents(index: SearchIndex, items: Items) -> Iterator[Document]:
    place = {item: row for row, item in enumerate(items.table[schema.ITEM_ID].to_pylist())}
    wanted = index.items[schema.ITEM_ID].to_pylist()
    if place.keys() != set(wanted):
        raise DataError("search push: these are not the items that the index was built from; build it again.")
    analyzer = index.parts.understanding.analyzer
    return documents(items.table.take(pa.array([place[item] for item in wanted])), analyzer, Tally(analyzer.stem))
