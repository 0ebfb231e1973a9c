"""reduce: text columns → a few dense ones, on each fold's own catalogue; and the knowledge graph's, if wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from components.core import bundle, layout, rng
from components.core.config import Config, parse
from components.core.registry import REDUCERS
from components.core.vocabulary import Vocabulary
from components.features import content
from components.features.graph_embedding import knowledge_vectors
from components.features.knowledge_graph import KnowledgeGraphConfig
from components.ranking.context import VECTORS
from components.steps.featurize import TEXT
from components.steps.result import StepResult


class ReduceConfig(Config):
    """component: a reducer's name; params: its options; knowledge_graph: more vectors from attributes, none by default.

    The knowledge graph's columns stand beside the text's, each part of length 1, for the ranker's likeness of contents
    and for models that use content.
    """

    component: str = "pca"
    params: dict[str, Any] = Field(default_factory=dict)
    knowledge_graph: KnowledgeGraphConfig | None = None


def reduce(config: ReduceConfig, root: Path, seed: int) -> StepResult:
    """Reduce the text matrix of both folds.

    Reads   features/<fold>/text/, and features/<fold>/content/ for the knowledge graph
    Writes  reduced/<fold>/ (a bundle: item vectors and the fitted reducer's state)
    """
    cls = REDUCERS.get(config.component)
    options = parse(cls.Config, config.params, "params.yaml: reduce.params")
    metrics: dict[str, float] = {}
    with bundle.replacing(root / layout.REDUCED) as fresh:
        for fold in layout.FOLDS:
            text = bundle.read(root / layout.FEATURES / fold / TEXT)
            matrix = bundle.unpack_csr("tfidf", text.arrays)
            reducer = cls(options).fit(matrix)
            vectors, items = reducer.transform(matrix), text.vocabularies["items"]
            if config.knowledge_graph:
                draw = rng.stream(seed, "reduce", "knowledge_graph", fold)
                graph = _graph_vectors(root / layout.FEATURES / fold, items, config.knowledge_graph, draw)
                vectors = np.hstack([_unit(vectors), graph])
                metrics[f"{fold}_graph_columns"] = graph.shape[1]
            arrays = {VECTORS: vectors} | reducer.state()
            meta = {"kind": "reduced", "format": 1, "component": config.component, "component_version": cls.version}
            bundle.write(fresh / fold, meta, arrays=arrays, vocabularies={"items": items})
            metrics[f"{fold}_explained"] = float(reducer.explained.sum())
            metrics[f"{fold}_columns"] = len(reducer.explained)
    summary = f"{metrics['test_columns']:.0f} directions hold {metrics['test_explained']:.0%} of the text's variance"
    if config.knowledge_graph:
        summary += f"; {metrics['test_graph_columns']:.0f} more of the knowledge graph"
    return StepResult(summary, metrics)


def _graph_vectors(
    folder: Path, items: Vocabulary, config: KnowledgeGraphConfig, draw: np.random.Generator
) -> np.ndarray:
    known = content.load(folder / content.FOLDER, items, np.zeros((len(items), 0), dtype=np.float32))
    return knowledge_vectors(known, config, draw)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
