"""Build an index: items in, one sealed folder out, all or nothing; what there was before stays until it is whole."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from components.core import bundle
from components.core.config import Config
from components.core.progress import track
from components.search import dense, load, suggest, vectors
from components.search.analysis import CHINESE, AnalysisConfig, Analyzer
from components.search.dense import Bags, DenseConfig
from components.search.engine import BRAND, CATEGORY, PRICE, STOCK, TEXT, TITLE, Document, FieldWeights
from components.search.engines import tantivy_index
from components.search.index import LEXICAL, Mode, SearchIndex
from components.search.items import Items
from components.search.stemming import guess_language
from components.search.synonyms import Rule

GUESSED_FROM = 20_000  # items
LANGUAGE = Literal["auto", "none", "english", "german", "french", "spanish", "italian", "dutch", "portuguese"]
TITLE_WEIGHT, LABEL_WEIGHT, QUERY_WEIGHT = 1.0, 1.0, 10.0  # of one item, and of one time a query was asked


class BuildConfig(Config):
    """How an index is built.

    language  of the words, for plurals; auto guesses it from the items
    chinese   how Han characters are cut; see docs/search.md for what was measured
    weights   what a word counts for, by field
    mode      what answers: words alone, vectors alone, or both fused; fused only where judgments show that it pays
    vectors   make dense vectors; they serve `fused`, and queries that no item holds a word of
    """

    language: LANGUAGE = "auto"
    chinese: CHINESE = "characters"
    weights: FieldWeights = Field(default_factory=FieldWeights)
    mode: Mode = LEXICAL
    vectors: bool = True
    dense: DenseConfig = Field(default_factory=DenseConfig)


@dataclass(frozen=True)
class Extras:
    """What a shop may know besides its items.

    rules       synonyms
    popularity  float (items,) in the order of the items, larger is more popular
    queries     text → how often it was asked; they are offered as completions
    """

    rules: Sequence[Rule] = ()
    popularity: np.ndarray | None = None
    queries: dict[str, float] = field(default_factory=dict)


@dataclass
class _Tally:
    """What is gathered while the documents go by."""

    frequency: Counter[str] = field(default_factory=Counter)
    column: dict[str, int] = field(default_factory=dict)
    indices: array = field(default_factory=lambda: array("i"))
    indptr: array = field(default_factory=lambda: array("q", [0]))

    def add(self, surfaces: set[str], named: list[str]) -> None:
        """surfaces: all words as they are written; named: stems of the names, which the vectors are made of."""
        self.frequency.update(surfaces)
        column = self.column
        self.indices.extend([column.setdefault(word, len(column)) for word in named])
        self.indptr.append(len(self.indices))

    def bags(self) -> Bags:
        """The words of the items' names."""
        return Bags(np.array(self.indptr), np.array(self.indices, np.int32), list(self.column))


Tune = Callable[[SearchIndex], dict[str, Any]]


def build(
    items: Items,
    config: BuildConfig,
    out: Path,
    rng: np.random.Generator,
    extras: Extras | None = None,
    tune: Tune | None = None,
) -> None:
    """Write an index to the folder `out`, atomically.

    Rows are in the order of popularity, then in that of the items, so that equal scores show what is popular first.
    tune  looks at the index before it is sealed, and says what of its `search.json` to change: weights, mode
    """
    extras = extras or Extras()
    table, popularity = _ordered(items.table, extras.popularity)
    analysis = AnalysisConfig(language=_language(table, config), chinese=config.chinese)
    analyzer = Analyzer(analysis)
    tally = _Tally()
    with bundle.replacing(Path(out)) as fresh:
        (fresh / load.LEXICAL).mkdir()
        tantivy_index.write(
            fresh / load.LEXICAL, track(_documents(table, analyzer, tally), "indexing", table.num_rows), table.num_rows
        )
        pq.write_table(table.drop_columns([TEXT]), fresh / load.ITEMS)
        _write_words(fresh, tally)
        _write_rules(fresh, extras.rules)
        offered = _offered(table, popularity, extras.queries)
        pq.write_table(suggest.table(offered, analyzer.normalise), fresh / suggest.FILE)
        has_vectors = config.vectors and _write_vectors(fresh, tally.bags(), config.dense, rng)
        mode = config.mode if has_vectors else LEXICAL
        meta = _meta(items, analysis, config, mode) | {"words": len(tally.frequency), "vectors": has_vectors}
        bundle.write_json(fresh / load.META, meta)
        if tune is not None:
            bundle.seal(fresh, {})
            bundle.write_json(fresh / load.META, meta | tune(load.read(fresh)))
        bundle.seal(fresh, {})


def _meta(items: Items, analysis: AnalysisConfig, config: BuildConfig, mode: str) -> dict:
    return {
        "kind": "search",
        "format": load.FORMAT,
        "items": items.table.num_rows,
        "analysis": analysis.model_dump(),
        "weights": config.weights.model_dump(),
        "mode": mode,
        "columns": {role: list(names) for role, names in items.found.items()},
        "counts": items.counts,
    }


def _ordered(table: pa.Table, popularity: np.ndarray | None) -> tuple[pa.Table, np.ndarray]:
    if popularity is None:
        return table, np.zeros(table.num_rows)
    order = np.argsort(-popularity, kind="stable")
    return table.take(pa.array(order)), popularity[order]


def _language(table: pa.Table, config: BuildConfig) -> str:
    if config.language != "auto":
        return config.language
    plain = Analyzer(AnalysisConfig(chinese="bigrams"))
    head = table.slice(0, GUESSED_FROM)
    texts = (f"{t} {d[:200]}" for t, d in zip(head[TITLE].to_pylist(), head[TEXT].to_pylist(), strict=True))
    return guess_language(word for text in texts for word in plain.words(text))


def _documents(table: pa.Table, analyzer: Analyzer, tally: _Tally) -> Iterator[Document]:
    """The items as an engine takes them; a brand or a category is cut once, however many items bear it."""
    cut, stem = analyzer.surfaces, analyzer.stem
    label = lru_cache(200_000)(lambda text: tuple(cut(text)))
    names = (TITLE, TEXT, CATEGORY, BRAND, PRICE, STOCK)
    row = 0
    for batch in table.select(names).to_batches(max_chunksize=50_000):
        for title, text, levels, brand, price, stock in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            surfaces = {
                TITLE: cut(title),
                BRAND: label(brand) if brand else (),
                CATEGORY: [word for level in levels for word in label(level)],
                TEXT: cut(text) if text else (),
            }
            stems = {name: [stem(word) for word in found] for name, found in surfaces.items() if found}
            tally.add(
                {word for found in surfaces.values() for word in found},
                [word for name, found in stems.items() if name != TEXT for word in found],
            )
            words = {name: " ".join(found) for name, found in stems.items()}
            yield Document(row, words, tuple(levels), brand, price, stock)
            row += 1


def _write_words(folder: Path, tally: _Tally) -> None:
    words = sorted(tally.frequency)
    counts = [tally.frequency[word] for word in words]
    pq.write_table(
        pa.table({"word": pa.array(words, pa.string()), "items": pa.array(counts)}), folder / load.VOCABULARY
    )


def _write_rules(folder: Path, rules: Sequence[Rule]) -> None:
    lines = [", ".join(w) if w == m else f"{', '.join(w)} => {', '.join(m)}" for w, m in rules]
    bundle.write_text(folder / load.SYNONYMS, "".join(f"{line}\n" for line in lines))


def _write_vectors(folder: Path, bags: Bags, config: DenseConfig, rng: np.random.Generator) -> bool:
    fitted = dense.fit(bags, config, rng)
    if fitted is None:
        return False
    space, rows = fitted
    space.save(folder / load.SPACE)
    (folder / load.VECTORS).mkdir()
    vectors.write(folder / load.VECTORS, rows, rng)
    return True


def _offered(table: pa.Table, popularity: np.ndarray, queries: dict[str, float]) -> Iterator[tuple[str, str, float]]:
    titles, brands = table[TITLE].to_pylist(), table[BRAND].to_pylist()
    for title, weight in zip(titles, popularity.tolist(), strict=True):
        yield title, suggest.TITLE, TITLE_WEIGHT + weight
    for name, count in Counter(brands).items():
        yield name, suggest.BRAND, LABEL_WEIGHT * count
    for name, count in Counter(level for levels in table[CATEGORY].to_pylist() for level in levels).items():
        yield name, suggest.CATEGORY, LABEL_WEIGHT * count
    for text, times in queries.items():
        yield text, suggest.QUERY, QUERY_WEIGHT * times
