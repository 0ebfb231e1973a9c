"""reduce: text columns → a few dense ones, fitted on each fold's own catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from components.core import bundle, layout
from components.core.config import Config, parse
from components.core.registry import REDUCERS
from components.ranking.context import VECTORS
from components.steps.featurize import TEXT
from components.steps.result import StepResult


class ReduceConfig(Config):
    """component: a reducer's name; params: its options."""

    component: str = "pca"
    params: dict[str, Any] = Field(default_factory=dict)


def reduce(config: ReduceConfig, root: Path, seed: int) -> StepResult:
    """Reduce the text matrix of both folds.

    Reads   features/<fold>/text/
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
            arrays = {VECTORS: reducer.transform(matrix)} | reducer.state()
            meta = {"kind": "reduced", "format": 1, "component": config.component, "component_version": cls.version}
            bundle.write(fresh / fold, meta, arrays=arrays, vocabularies={"items": text.vocabularies["items"]})
            metrics[f"{fold}_explained"] = float(reducer.explained.sum())
            metrics[f"{fold}_columns"] = arrays[VECTORS].shape[1]
    summary = f"{metrics['test_columns']:.0f} directions hold {metrics['test_explained']:.0%} of the text's variance"
    return StepResult(summary, metrics)
