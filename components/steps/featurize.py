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
from components.data.engine import connect
from components.features.tabular import item_features, user_features
from components.features.text import TextConfig, tfidf
from components.splits import store
from components.steps.result import StepResult

ITEM_FEATURES, USER_FEATURES, ITEM_GROUPS, TEXT = "items.parquet", "users.parquet", "groups.parquet", "text"
TEXT_COLUMNS = (schema.TITLE, schema.DEPARTMENT, schema.CATEGORY, schema.SUBCATEGORY, schema.BRAND)


class FeaturizeConfig(Config):
    """Options of the feature rooms."""

    text: TextConfig = Field(default_factory=TextConfig)


def featurize(config: FeaturizeConfig, root: Path, seed: int) -> StepResult:
    """Compute tabular and text features of both folds, each from its own history only.

    Reads   clean/{items,promotions}.parquet, split/<fold>/
    Writes  features/<fold>/{items,users,groups}.parquet and features/<fold>/text/ (a bundle)
    """
    con = connect(threads=1)  # sums of floats on two threads differ in their last digits from run to run
    items = con.read_parquet(root / layout.CLEAN / "items.parquet")
    promotions = con.read_parquet(root / layout.CLEAN / "promotions.parquet")
    metrics: dict[str, float] = {}
    with bundle.replacing(root / layout.FEATURES) as fresh:
        for fold in layout.FOLDS:
            folder = fresh / fold
            folder.mkdir()
            data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
            past = con.read_parquet(root / layout.SPLIT / fold / store.HISTORY)
            cutoff = datetime.fromtimestamp(data.now, UTC).replace(tzinfo=None)
            item_features(past, promotions, cutoff).to_parquet(folder / ITEM_FEATURES)
            user_features(past, items, cutoff).to_parquet(folder / USER_FEATURES)
            items.select(schema.ITEM_ID, *TEXT_COLUMNS[1:4]).order_by(schema.ITEM_ID).to_parquet(folder / ITEM_GROUPS)
            metrics[f"{fold}_words"] = _write_text(folder / TEXT, items, data, config.text)
    metrics["item_columns"] = len(pq.read_schema(root / layout.FEATURES / fold / ITEM_FEATURES)) - 1
    metrics["user_columns"] = len(pq.read_schema(root / layout.FEATURES / fold / USER_FEATURES)) - 1
    summary = "{item_columns:.0f} item and {user_columns:.0f} user columns, {test_words:,.0f} words".format(**metrics)
    return StepResult(summary, metrics)


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
