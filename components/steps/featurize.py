"""featurize: what each fold's history says about items and users, and the words of their categories."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from ibis.expr.types import Table
from pydantic import Field

from components.core import bundle, layout, schema
from components.core.config import Config
from components.core.dataset import Dataset
from components.data import engine
from components.data.engine import EngineConfig
from components.features import content, normalization
from components.features.content import ContentConfig
from components.features.normalization import Method, Normalizer
from components.features.tabular import context_features, item_features, pairs_of, user_features
from components.features.text import TextConfig, tfidf
from components.quality.thresholds import Threshold
from components.ranking.context import CONTEXT_FEATURES, ITEM_FEATURES, ITEM_GROUPS, USER_FEATURES
from components.splits import store
from components.steps.result import StepResult

TEXT = "text"
TEXT_COLUMNS = (schema.TITLE, schema.DEPARTMENT, schema.CATEGORY, schema.SUBCATEGORY, schema.BRAND)


class FeaturizeConfig(Config):
    """Options of the feature rooms.

    private_brands  values of `brand` that are the shop's own
    normalize       feature column → min_max, z_score, robust, log or quantile; none by default, for trees need none
    thresholds      what the inspect step changes in the suites of the features, by `rule` or `table.rule`
    """

    private_brands: tuple[str, ...] = ()
    text: TextConfig = Field(default_factory=TextConfig)
    content: ContentConfig = Field(default_factory=ContentConfig)
    normalize: dict[str, Method] = Field(default_factory=dict)
    thresholds: dict[str, Threshold] = Field(default_factory=dict)
    engine: EngineConfig = EngineConfig()


def featurize(config: FeaturizeConfig, root: Path, seed: int) -> StepResult:
    """Compute tabular and text features of both folds, each from its own history only.

    Reads   clean/{items,promotions}.parquet, split/<fold>/
    Writes  features/<fold>/{items,context,users,groups}.parquet and the bundles features/<fold>/text/,
            features/<fold>/content/ (for models that use it) and features/<fold>/normalization/, which is fitted on
            the first fold's history and the same in all: the ranker is trained on the first fold, and its columns
            must mean the same wherever it is asked
    """
    con = config.engine.model_copy(
        update={"threads": 1}
    ).open()  # sums of floats on two threads differ in their last digits from run to run
    items = engine.read_parquet(con, root / layout.CLEAN / "items.parquet")
    promotions = engine.read_parquet(con, root / layout.CLEAN / "promotions.parquet")
    metrics: dict[str, float] = {}
    with bundle.replacing(root / layout.FEATURES) as fresh:
        for fold in layout.FOLDS:
            folder = fresh / fold
            folder.mkdir()
            data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
            past = engine.read_parquet(con, root / layout.SPLIT / fold / store.HISTORY)
            cutoff = datetime.fromtimestamp(data.now, UTC).replace(tzinfo=None)
            with engine.holding(pairs_of(past)) as pairs:
                users = user_features(past, items, cutoff, config.private_brands, pairs)
                engine.write_parquet(item_features(past, cutoff, pairs), folder / ITEM_FEATURES)
                engine.write_parquet(users, folder / USER_FEATURES)
            engine.write_parquet(context_features(past, promotions, cutoff), folder / CONTEXT_FEATURES)
            engine.write_parquet(items.select(schema.ITEM_ID, *TEXT_COLUMNS[1:4]), folder / ITEM_GROUPS)
            history = root / layout.SPLIT / fold / store.HISTORY
            _write_content(folder / content.FOLDER, items, history, data, config.content)
            metrics[f"{fold}_words"] = _write_text(folder / TEXT, items, data, config.text)
        normalizer = _fitted(fresh / layout.FOLDS[0], config)
        for fold in layout.FOLDS:
            normalizer.save(fresh / fold / normalization.FOLDER)
    metrics["normalized_columns"] = len(normalizer.methods)
    for kind, name in (("item", ITEM_FEATURES), ("context", CONTEXT_FEATURES), ("user", USER_FEATURES)):
        metrics[f"{kind}_columns"] = len(pq.read_schema(root / layout.FEATURES / fold / name)) - 1
    counts = "{item_columns:.0f} item, {context_columns:.0f} context and {user_columns:.0f} user columns"
    return StepResult(f"{counts}, {{test_words:,.0f}} words".format(**metrics), metrics)


def _fitted(folder: Path, config: FeaturizeConfig) -> Normalizer:
    """The normaliser of one fold's tables."""
    columns: dict[str, np.ndarray] = {}
    for name in (ITEM_FEATURES, CONTEXT_FEATURES, USER_FEATURES) if config.normalize else ():
        table = pq.read_table(folder / name)
        numbers = [c for c in table.column_names if c not in (schema.ITEM_ID, schema.USER_ID)]
        columns |= {c: table[c].to_numpy(zero_copy_only=False) for c in numbers}
    return Normalizer.fit(columns, config.normalize)


def _write_content(folder: Path, items: Table, history: Path, data: Dataset, config: ContentConfig) -> None:
    table = items.select(*(name for name in content.COLUMNS if name in items.columns)).to_pyarrow()
    columns = {name: table[name].to_pylist() for name in table.column_names}
    columns = content.known_then(columns, history)
    content.save(folder, content.content_of(columns, data.items, config), data.items)


def _write_text(folder: Path, items: Table, data: Dataset, config: TextConfig) -> int:
    """Text matrix of the catalogue, in its order; returns the number of words."""
    table = items.select(schema.ITEM_ID, *TEXT_COLUMNS).to_pyarrow()
    at = data.items.encode(table[schema.ITEM_ID].to_numpy(zero_copy_only=False).astype(np.str_))
    texts = np.full(len(data.items), "", dtype=object)
    columns = [table[c].to_pylist() for c in TEXT_COLUMNS]
    for row, parts in zip(at, zip(*columns, strict=True), strict=True):
        if row >= 0:
            texts[row] = " ".join(part for part in parts if part)
    matrix, words = tfidf(texts.tolist(), config)
    meta = {"kind": "text", "format": 1, "words": words}
    bundle.write(folder, meta, arrays=bundle.pack_csr("tfidf", matrix), vocabularies={"items": data.items})
    return len(words)
