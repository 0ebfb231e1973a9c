"""Read an index: checksums first, then its parts. All of it or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.core import bundle
from components.core.errors import BundleError, ShoploopError
from components.core.outputs import Output
from components.retrieval.vectors import read as read_vectors
from components.search import simplified
from components.search.analysis import AnalysisConfig, Analyzer
from components.search.dense import Space
from components.search.engine import SearchEngine
from components.search.index import Parts, SearchIndex
from components.search.spelling import Speller
from components.search.suggest import Suggester
from components.search.synonyms import Synonyms, read_rules
from components.search.understanding import Understanding

FORMAT = 1
META, ITEMS, VOCABULARY, SYNONYMS = "search.json", "items.parquet", "words.parquet", "synonyms.txt"
LEXICAL, SPACE, VECTORS = "lexical", "space", "vectors"
OFF = "off.json"  # in the place of an index, where the shop wants none
OUTPUT = Output("a search index", {META: ("kind", "format", "analysis"), OFF: ("why",)}, (OFF,))


def load(folder: Path, engine: SearchEngine | None = None) -> SearchIndex:
    """A verified index.

    engine  finds words elsewhere than in the index's own files, which must hold the same documents
    Raises  BundleError if a file is missing, altered or extra, or the format is another
    """
    folder = Path(folder)
    try:
        bundle.verify(folder)
        return read(folder, engine)
    except ShoploopError:
        raise
    except Exception as e:  # five libraries read its parts, and each fails in ways of its own
        raise BundleError(f"{folder}: the index cannot be used ({type(e).__name__}: {e}); build it again.") from e


def read(folder: Path, engine: SearchEngine | None = None) -> SearchIndex:
    """Build an index from a sealed folder whose checksums hold; `load` is for everybody else."""
    from components.search.engines.tantivy_index import TantivyEngine

    meta = bundle.read_json(folder / META)
    if meta.get("kind") != "search" or meta.get("format") != FORMAT:
        raise BundleError(f"{folder}: no search index of format {FORMAT}; `shoploop search build` makes one.")
    analysis = AnalysisConfig.model_validate(meta["analysis"])
    analyzer = Analyzer(analysis, simplified.read(folder) if analysis.simplify else None)
    vocabulary = bundle.read_table(folder / VOCABULARY)
    speller = Speller(vocabulary["word"].to_pylist(), vocabulary["items"].to_numpy().astype(np.int64))
    synonyms = Synonyms(read_rules(folder / SYNONYMS), analyzer)
    has_vectors = (folder / SPACE).is_dir()
    return SearchIndex(Parts(
        meta=meta,
        digest=bundle.content_digest(folder),  # a release seals the same index anew, and pushed it is the same one
        items=bundle.read_table(folder / ITEMS),
        engine=engine or TantivyEngine(folder / LEXICAL),
        understanding=Understanding(analyzer, speller, synonyms),
        suggester=Suggester.read(folder, analyzer.normalise, speller.counts),
        space=Space.load(folder / SPACE) if has_vectors else None,
        vectors=read_vectors(folder / VECTORS, meta.get("lists", {}).get("probed")) if has_vectors else None,
    ))  # fmt: skip
