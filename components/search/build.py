"""Build an index: items in, one sealed folder out, all or nothing; what there was before stays until it is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from components.core import bundle
from components.core.config import Config
from components.core.progress import track
from components.retrieval import vectors
from components.search import dense, load, simplified, suggest
from components.search.analysis import CHINESE, AnalysisConfig, Analyzer
from components.search.dense import Bags, DenseConfig
from components.search.engine import BRAND, CATEGORY, PRICE, STOCK, TEXT, TITLE, Document, FieldWeights
from components.search.engines import tantivy_index
from components.search.index import LEXICAL, Mode, SearchIndex
from components.search.items import Items
from components.search.stemming import guess_language
from components.search.synonyms import Rule
from components.search.tally import Tally

GUESSED_FROM = 20_000  # items
LANGUAGE = Literal["auto", "none", "english", "german", "french", "spanish", "italian", "dutch", "portuguese"]
CHECKED_QUERIES = 64  # that a large catalogue's vectors are checked with: about a second for a million items
MOST_ASKED = 3  # words of each
TITLE_WEIGHT, QUERY_WEIGHT = 1.0, 10.0  # of one item, and of one time a query was asked


class BuildConfig(Config):
    """How an index is built.

    language  of the words, for plurals; auto guesses it from the items
    chinese   how Han characters are cut; see docs/search.md for what was measured
    simplify  read traditional Chinese characters as simplified ones, in items and queries
    weights   what a word counts for, by field
    mode      what answers: words alone, vectors alone, or both fused; fused only where judgments show that it pays
    vectors   make dense vectors; they serve `fused`, and queries that no item holds a word of
    """

    language: LANGUAGE = "auto"
    chinese: CHINESE = "characters"
    simplify: bool = True
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
    analysis = AnalysisConfig(language=_language(table, config), chinese=config.chinese, simplify=config.simplify)
    characters = simplified.known() if config.simplify else {}
    analyzer = Analyzer(analysis, characters)
    tally = Tally(analyzer.stem)
    with bundle.replacing(Path(out)) as fresh:
        (fresh / load.LEXICAL).mkdir()
        tantivy_index.write(
            fresh / load.LEXICAL, track(documents(table, analyzer, tally), "indexing", table.num_rows), table.num_rows
        )
        pq.write_table(table.drop_columns([TEXT]), fresh / load.ITEMS)
        _write_words(fresh, tally)
        if config.simplify:
            simplified.write(fresh, characters)
        _write_rules(fresh, extras.rules)
        offered = _offered(table, popularity, extras.queries)
        pq.write_table(suggest.table(offered, analyzer.normalise), fresh / suggest.FILE)
        bags = Bags(*tally.names())
        of_vectors = _write_vectors(fresh, bags, config.dense, rng) if config.vectors else {"vectors": False}
        mode = config.mode if of_vectors["vectors"] else LEXICAL
        meta = _meta(items, analysis, config, mode) | {"words": len(tally)} | of_vectors
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


def documents(table: pa.Table, analyzer: Analyzer, tally: Tally) -> Iterator[Document]:
    """The items as an engine takes them; a brand or a category is cut once, however many items bear it."""
    otherwise = _written_otherwise(filter(None, pc.unique(table[BRAND]).to_pylist()), analyzer)
    label = lru_cache(200_000)(lambda texts: tally.cut([w for text in texts for w in analyzer.surfaces(text)]))
    branded = lru_cache(200_000)(lambda brand: tally.cut([*analyzer.surfaces(brand), *otherwise.get(brand, ())]))
    names = (TITLE, TEXT, CATEGORY, BRAND, PRICE, STOCK)
    row = 0
    for batch in table.select(names).to_batches(max_chunksize=50_000):
        for title, text, levels, brand, price, stock in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            words = {TITLE: tally.cut(analyzer.surfaces(title))}
            if brand:
                words[BRAND] = branded(brand)
            if levels:
                words[CATEGORY] = label(tuple(levels))
            told = tally.cut(analyzer.surfaces(text)) if text else None
            tally.add([cut.ids for cut in words.values()], told.ids if told else ())
            stems = {name: cut.stems for name, cut in words.items()}
            if told:
                stems[TEXT] = told.stems
            yield Document(row, stems, levels, brand, price, stock)
            row += 1


def _written_otherwise(brands: Iterable[str], analyzer: Analyzer) -> dict[str, list[str]]:
    """Brand of several words → the one word that other items write it as: `Coca-Cola` where there is `CocaCola`.

    So either spelling finds both; the other way round, two words of a query may stand as one (understanding.py).
    """
    words = {brand: analyzer.surfaces(brand) for brand in brands}
    in_one = {own[0] for own in words.values() if len(own) == 1}
    joined = {brand: "".join(own) for brand, own in words.items() if len(own) > 1}
    return {brand: [whole] for brand, whole in joined.items() if whole in in_one}


def _write_words(folder: Path, tally: Tally) -> None:
    words, counts = tally.frequency()
    pq.write_table(
        pa.table({"word": pa.array(words, pa.string()), "items": pa.array(counts)}), folder / load.VOCABULARY
    )


def _write_rules(folder: Path, rules: Sequence[Rule]) -> None:
    lines = [", ".join(w) if w == m else f"{', '.join(w)} => {', '.join(m)}" for w, m in rules]
    bundle.write_text(folder / load.SYNONYMS, "".join(f"{line}\n" for line in lines))


def _write_vectors(folder: Path, bags: Bags, config: DenseConfig, rng: np.random.Generator) -> dict[str, Any]:
    """What search.json says of them: whether there are any, and what the lists of a large catalogue keep."""
    fitted = dense.fit(bags, config, rng)
    if fitted is None:
        return {"vectors": False}
    space, rows = fitted
    space.save(folder / load.SPACE)
    (folder / load.VECTORS).mkdir()
    checked = vectors.write(folder / load.VECTORS, rows, rng, _likely(bags, space, rng))
    return {"vectors": True} | ({} if checked is None else {"lists": checked._asdict()})


def _likely(bags: Bags, space: dense.Space, rng: np.random.Generator) -> np.ndarray:
    """float32 (n, dimensions), vectors of queries as people might ask: a few words of one item."""
    drawn = rng.choice(len(bags.indptr) - 1, min(CHECKED_QUERIES, len(bags.indptr) - 1), replace=False)
    found = []
    for row in drawn.tolist():
        own = np.unique(bags.indices[bags.indptr[row] : bags.indptr[row + 1]])
        asked = rng.choice(own, min(len(own), int(rng.integers(1, MOST_ASKED + 1))), replace=False)
        vector = space.embed([bags.words[word] for word in asked.tolist()])
        found += [] if vector is None else [vector]
    return np.array(found, dtype=np.float32).reshape(len(found), -1)


def _offered(table: pa.Table, popularity: np.ndarray, queries: dict[str, float]) -> Iterator[tuple[str, str, float]]:
    """Titles of the first items, all brands and categories with the weight of their items, and what people asked."""
    weights = (TITLE_WEIGHT + popularity).tolist()
    brands: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    for brand, levels, weight in zip(table[BRAND].to_pylist(), table[CATEGORY].to_pylist(), weights, strict=True):
        if brand:
            brands[brand] += weight
        for level in levels:
            categories[level] += weight
    for title, weight in zip(table[TITLE].slice(0, suggest.MOST_TITLES).to_pylist(), weights, strict=False):
        yield title, suggest.TITLE, weight
    yield from ((name, suggest.BRAND, weight) for name, weight in brands.items())
    yield from ((name, suggest.CATEGORY, weight) for name, weight in categories.items())
    for text, times in queries.items():
        yield text, suggest.QUERY, QUERY_WEIGHT * times
