"""LambdaMART's trees grown by XGBoost on Spark: the same objective, on workers that see whole queries each.

Spark cuts the queries into one range for each worker; the workers add up their histograms, so that all grow one
ensemble. Rows are drawn per worker and bins are sketched from what each sees: the trees are not those of one machine,
bit by bit, but they order as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from components.data.engine import EngineConfig
from components.data.spark_frames import frame_of

if TYPE_CHECKING:
    from xgboost import Booster

    from components.ranking.lambdamart import LambdamartConfig

QUERIES_PER_WORKER = 20  # at least: a worker without queries, held out or not, has nothing to begin with
OWN = ("nthread", "seed", "eta", "lambda")  # named otherwise by the estimator, or not its business


@dataclass(frozen=True)
class Rows:
    """Candidates, as `Lambdamart.fit` takes them."""

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    held_out: np.ndarray

    def table(self) -> pa.Table:
        """One row for each pair; the features as one list, for their names may hold dots."""
        width = self.features.shape[1]
        flat = pa.array(np.ascontiguousarray(self.features, dtype=np.float32).ravel())
        return pa.table(
            {
                "features": pa.FixedSizeListArray.from_arrays(flat, width).cast(pa.list_(pa.float32())),
                "label": pa.array(self.labels.astype(np.float32)),
                "query": pa.array(self.groups.astype(np.int64)),
                "held_out": pa.array(self.held_out),
            }
        )


def grown(
    rows: Rows,
    names: list[str],
    parameters: dict[str, Any],
    config: LambdamartConfig,
    engine: EngineConfig,
    beside: Path | None,
) -> tuple[Booster, list[float]]:
    """The whole ensemble, best_iteration said if it stops by it, and the curve of the metric on the held-out queries.

    parameters  XGBoost's own, as for a fit on one machine
    beside      as in `frame_of`
    Raises      ConfigError if Spark cannot be had
    """
    from xgboost.spark import SparkXGBRanker

    with frame_of(rows.table(), engine, beside) as frame:
        parts = [part for part in (rows.held_out, ~rows.held_out) if part.any()]
        queries = min(len(np.unique(rows.groups[part])) for part in parts)
        slots = frame.sparkSession.sparkContext.defaultParallelism
        ranker = SparkXGBRanker(
            features_col="features",
            label_col="label",
            qid_col="query",
            validation_indicator_col="held_out" if len(parts) > 1 else None,
            num_workers=max(1, min(slots, queries // QUERIES_PER_WORKER)),
            force_repartition=True,  # else it trusts the file's parts, which cut queries in two
            n_estimators=config.trees,
            early_stopping_rounds=config.patience,
            learning_rate=parameters["eta"],
            reg_lambda=parameters["lambda"],
            random_state=parameters["seed"],
            **{name: value for name, value in parameters.items() if name not in OWN},
        )
        fitted = ranker.fit(frame)
    booster = fitted.get_booster()
    booster.feature_names = names
    if len(parts) == 1:
        return booster, []
    curve = fitted.training_summary.validation_objective_history[parameters["eval_metric"]]
    return booster, [float(v) for v in curve]
