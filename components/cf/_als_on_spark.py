"""ALS by Spark's MLlib: item factors of the same implicit-feedback model, from a cluster.

MLlib weighs the penalty of a user or an item by its number of purchases (ALS-WR), where the local solver takes one
penalty for all. The one number it is given is the local one over the mean number of items of a user; users are folded
in with the local one afterwards, as ever, so that what is saved and how it scores stay the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from components.data.engine import EngineConfig
from components.data.spark_frames import frame_of

if TYPE_CHECKING:
    from components.cf.als import AlsConfig


LEAST = np.finfo(np.float32).tiny  # MLlib takes a confidence of 0 for "not bought"
# Epochs between two writings of the factors. A task is handed the whole way its factors were made since then, by
# recursion: without them ten epochs overflow a stack of 1 MB, and with it goes the JVM.
CHECKPOINT_EPOCHS = 5


def item_factors(
    extra: sp.csr_matrix, config: AlsConfig, engine: EngineConfig, beside: Path | None, seed: int
) -> np.ndarray:
    """float32 (n_items, embedding_size); 0 for an item that nobody bought.

    extra   confidence above 1, CSR (users, n_items): an entry for every pair bought
    beside  as in `frame_of`
    Raises  ConfigError if Spark cannot be had
    """
    from pyspark.ml.recommendation import ALS

    factors = np.zeros((extra.shape[1], config.embedding_size), dtype=np.float32)
    with frame_of(_table(extra), engine, beside) as frame:
        solver = ALS(
            rank=config.embedding_size,
            maxIter=config.epochs,
            regParam=penalty(extra, config.regularization),
            alpha=1.0,  # the confidence is weighed already
            implicitPrefs=True,
            userCol="user",
            itemCol="item",
            ratingCol="confidence",
            checkpointInterval=CHECKPOINT_EPOCHS,
            seed=seed,
        )
        found = solver.fit(frame).itemFactors.toArrow()
    vectors = found["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    factors[found["id"].to_numpy()] = vectors.reshape(-1, config.embedding_size)
    return factors


def _table(extra: sp.csr_matrix) -> pa.Table:
    pairs = extra.tocoo()
    return pa.table(
        {
            "user": pairs.row.astype(np.int32),
            "item": pairs.col.astype(np.int32),
            "confidence": np.maximum(pairs.data.astype(np.float32), LEAST),
        }
    )


def penalty(extra: sp.csr_matrix, regularization: float) -> float:
    """MLlib's penalty for each item of a user: the whole one over the mean number of a user's items."""
    return float(regularization / max(extra.nnz / max(extra.shape[0], 1), 1.0))
