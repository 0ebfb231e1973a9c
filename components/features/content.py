"""What the items of a fold's catalogue are, for models that use content: attributes, price band and title words."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pydantic import Field

from components.core import bundle, schema
from components.core.config import Config
from components.core.content import TAGS, UNKNOWN, ItemContent, content_of_tags
from components.core.errors import BundleError
from components.core.vocabulary import Vocabulary
from components.features.text import HAN, WORD

FOLDER = "content"
ATTRIBUTES = (schema.DEPARTMENT, schema.CATEGORY, schema.SUBCATEGORY, schema.BRAND)
PRICE_BAND = "price_band"
COLUMNS = (schema.ITEM_ID, schema.TITLE, *ATTRIBUTES, schema.PRICE, schema.ATTRIBUTES)
CODE, LABELS, WORDS = "code.", "labels", "words"


class ContentConfig(Config):
    """How much is told apart.

    price_bands  of equally many items each
    title_words  read of a title, the first ones
    max_words    known, those that most titles hold
    max_tags     words of the other attributes that count, those that most items have
    """

    price_bands: int = Field(default=5, ge=1, le=100)
    title_words: int = Field(default=16, ge=1, le=256)
    max_words: int = Field(default=8000, ge=1, le=100_000)
    max_tags: int = Field(default=20_000, ge=1, le=1_000_000)


def content_of(columns: dict[str, list[Any]], items: Vocabulary, config: ContentConfig) -> ItemContent:
    """Content of a catalogue from the columns of an item table, in any order; what the table lacks is unknown.

    columns  those of COLUMNS that there are, as lists of one length; None where an item has no value
    An attribute that no item of the catalogue has is left out, and so are words where no two titles share one.
    """
    columns = as_given(columns)
    at = items.encode(np.asarray(columns[schema.ITEM_ID], dtype=np.str_))

    def column(name: str) -> list[Any]:
        """One value for each item of the catalogue."""
        placed: list[Any] = [None] * len(items)
        for row, value in zip(at.tolist(), columns.get(name, [None] * len(at)), strict=True):
            if row >= 0:
                placed[row] = value
        return placed

    coded = {name: _coded(column(name)) for name in ATTRIBUTES}
    labels, codes = ({name: parts[side] for name, parts in coded.items()} for side in (0, 1))
    bands = _bands(column(schema.PRICE), config.price_bands)
    codes |= {PRICE_BAND: bands} if (bands != UNKNOWN).any() else {}
    known = {name: code for name, code in codes.items() if (code != UNKNOWN).any()}
    labels = {name: values for name, values in labels.items() if name in known}
    titles = [title or "" for title in column(schema.TITLE)]
    words = _numbered(titles, config)
    words = words if words.any() else None
    tags = dict(zip(items.ids.tolist(), map(_tags, column(schema.ATTRIBUTES)), strict=True))
    other = content_of_tags(tags, items, most=config.max_tags)
    if other.tags.shape[1]:
        return replace(other, codes=known, words=words, labels=labels | other.labels)
    return replace(other, tags=None, codes=known, words=words, labels=labels)


def as_given(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns without what the clean step filled in: "unknown" and "Item <id>" say nothing of an item."""
    marked = {
        name: [None if value == schema.UNKNOWN_TEXT else value for value in columns[name]]
        for name in ATTRIBUTES
        if name in columns
    }
    if schema.TITLE in columns:
        pairs = zip(columns[schema.ITEM_ID], columns[schema.TITLE], strict=True)
        marked[schema.TITLE] = [None if title == f"{schema.TITLE_BEFORE_ID}{item}" else title for item, title in pairs]
    return columns | marked


def content_of_file(
    file: Path, history: Path, items: Vocabulary, config: ContentConfig | None = None
) -> ItemContent | None:
    """Content of `items` from a canonical item table (parquet); None where there is no such file, or it says nothing.

    The attributes come from what the shop says of an item, never from who bought it; prices as `known_then` says.
    history  the fold's history.parquet
    """
    if not file.is_file():
        return None
    table = pq.read_table(file)
    columns = {name: table[name].to_pylist() for name in COLUMNS if name in table.column_names}
    found = content_of(known_then(columns, history), items, config or ContentConfig())
    return found if found.says_something else None


def known_then(columns: dict[str, list[Any]], history: Path) -> dict[str, list[Any]]:
    """The columns of an item table with the prices of a fold: the mean of what its history paid for one unit.

    A price that was made of all order lines knows what an item costs after the cut-off. The list price stays where
    nothing was paid before, and a table without any price stays without.
    """
    if not any(price is not None for price in columns.get(schema.PRICE, ())):
        return columns
    paid = _paid(history)
    pairs = zip(columns[schema.ITEM_ID], columns[schema.PRICE], strict=True)
    return columns | {schema.PRICE: [paid.get(item, price) for item, price in pairs]}


def _paid(history: Path) -> dict[str, float]:
    """Item → mean price of a unit over its purchases, those that say what was paid and how many."""
    import pyarrow.compute as pc

    needed = (schema.ITEM_ID, schema.EVENT_TYPE, schema.VALUE, schema.QUANTITY)
    if not set(needed) <= set(pq.read_schema(history).names):
        return {}
    lines = pq.read_table(history, columns=list(needed))
    bought = (pc.field(schema.EVENT_TYPE) == schema.PURCHASE) & (pc.field(schema.QUANTITY) > 0)
    lines = lines.filter(bought & pc.field(schema.VALUE).is_valid())
    lines = lines.append_column("unit", pc.divide(lines[schema.VALUE], lines[schema.QUANTITY]))
    means = lines.group_by(schema.ITEM_ID, use_threads=False).aggregate([("unit", "mean")])
    return dict(zip(means[schema.ITEM_ID].to_pylist(), means["unit_mean"].to_pylist(), strict=True))


def tokens(title: str) -> list[str]:
    """Words in lower case, and every Chinese character for itself: "Tea 有机" → tea, 有, 机."""
    found: list[str] = []
    for run in WORD.findall(title.lower()):
        at = 0
        for han in HAN.finditer(run):
            found += [run[at : han.start()]] if han.start() > at else []
            found += han.group()
            at = han.end()
        found += [run[at:]] if at < len(run) else []
    return found


def save(folder: Path, content: ItemContent, items: Vocabulary) -> None:
    """Write content as one bundle; `load` reads it back."""
    tags = {} if content.tags is None else bundle.pack_csr(TAGS, content.tags)
    meta = {"kind": "content", "format": 1, LABELS: {name: values.tolist() for name, values in content.labels.items()}}
    words = {} if content.words is None else {WORDS: content.words}
    arrays = {f"{CODE}{name}": codes for name, codes in content.codes.items()} | words | tags
    bundle.write(folder, meta, arrays=arrays, vocabularies={"items": items})


def load(folder: Path, items: Vocabulary, vectors: np.ndarray) -> ItemContent:
    """Content of `items` with their vectors (n_items, d); BundleError if the folder is of another catalogue."""
    content = bundle.read(folder)
    if content.vocabularies["items"] != items:
        raise BundleError(f"{folder}: of another catalogue than the dataset; run the featurize step again.")
    codes = {name.removeprefix(CODE): a for name, a in content.arrays.items() if name.startswith(CODE)}
    labels = {name: np.array(values, dtype=np.str_) for name, values in content.meta[LABELS].items()}
    tags = bundle.unpack_csr(TAGS, content.arrays) if f"{TAGS}.data" in content.arrays else None
    return ItemContent(vectors, codes, tags, content.arrays.get(WORDS), labels)


def _tags(attributes: str | None) -> list[str]:
    """`{"colour": "dark blue"}` → colour:dark, colour:blue; an item without a readable object has none."""
    try:
        found = json.loads(attributes or "{}")
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, dict):
        return []
    return [f"{key}:{word}" for key, value in found.items() for word in str(value).split()]


def _coded(values: list[str | None]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values, sorted, and int32 codes."""
    labels = np.array(sorted({value for value in values if value}), dtype=np.str_)
    code = {label: at for at, label in enumerate(labels.tolist())}
    return labels, np.array([code.get(value or "", UNKNOWN) for value in values], dtype=np.int32)


def _bands(prices: list[float | None], n: int) -> np.ndarray:
    """int32 (n_items,): band of the price among the catalogue's prices, 0 the cheapest."""
    price = np.array([np.nan if value is None else value for value in prices], dtype=np.float64)
    known = np.isfinite(price)
    if not known.any():
        return np.full(len(price), UNKNOWN, dtype=np.int32)
    edges = np.unique(np.quantile(price[known], np.arange(1, n) / n))
    return np.where(known, np.searchsorted(edges, np.nan_to_num(price), side="right"), UNKNOWN).astype(np.int32)


def _numbered(titles: list[str], config: ContentConfig) -> np.ndarray:
    """int32 (n_items, length): words that at least two titles hold, numbered from 1 by how many do."""
    split = [tokens(title)[: config.title_words] for title in titles]
    counts = Counter(word for words in split for word in set(words))
    frequent = sorted((word for word, n in counts.items() if n >= 2), key=lambda word: (-counts[word], word))
    number = {word: at for at, word in enumerate(frequent[: config.max_words], start=1)}
    out = np.zeros((len(titles), config.title_words), dtype=np.int32)
    for row, words in enumerate(split):
        known = [number[word] for word in words if word in number]
        out[row, : len(known)] = known
    return out
