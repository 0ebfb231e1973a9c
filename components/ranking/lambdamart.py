"""LambdaMART: boosted trees that order one user's candidates by swapping pairs that matter for NDCG.

Source: Burges 2010, MSR-TR-2010-82, as implemented by XGBoost (objective rank:ndcg).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from components.core import bundle
from components.core.config import Config
from components.core.errors import BundleError
from components.core.space import Choice, Floats, Ints
from components.data.engine import EngineConfig, on_spark
from components.features.normalization import Normalizer
from components.ranking.buy_again import BuyAgain
from components.ranking.calibration import Calibration
from components.ranking.consensus import Consensus

TREES = "trees{}.ubj"  # of the first ensemble without a number
STOPPING_METRIC = "ndcg@10-"  # the minus counts a query with nothing bought as 0, not as 1
RISING = ("score.", "strength.", "fused_rank")  # begin the names of columns with which a score may only rise
FALLING = ("rank.",)
APART = 1_000_003  # seeds of two ensembles; the first one's is the fit's
MAX_BIN = 128  # half of XGBoost's default: a third less time, no loss seen on held-out users


class LambdamartConfig(Config):
    """Sizes of the ensembles.

    ensembles  how many are grown, each by draws of its own; their scores are averaged, for one alone depends on its
               draws by more than many a decision is worth (decision 46)
    patience  trees without gain on held-out users that stop it; None: all are grown. Where few queries have anything
              bought, stopping by a part of them is a matter of luck (decision 28)
    monotone  whether an item that a model scores or lists higher may never lose by it (decision 29)
    """

    space: ClassVar = {
        "trees": Ints(60, 500, log=True),
        "learning_rate": Floats(0.02, 0.2, log=True),
        "max_depth": Ints(2, 9),
        "min_child_weight": Floats(1, 100, log=True),
        "row_share": Floats(0.4, 1),
        "column_share": Floats(0.2, 1),
        "monotone": Choice((False, True)),
    }
    trees: int = Field(default=400, ge=1, le=5000)
    ensembles: int = Field(default=1, ge=1, le=10)
    learning_rate: float = Field(default=0.08, gt=0, le=1)
    max_depth: int = Field(default=7, ge=1, le=16)
    min_child_weight: float = Field(default=5.0, ge=0)
    regularization: float = Field(default=1.0, ge=0)
    row_share: float = Field(default=0.8, gt=0, le=1)
    column_share: float = Field(default=0.5, gt=0, le=1)
    patience: int | None = Field(default=30, ge=1)
    monotone: bool = False
    threads: int = Field(default=2, ge=1)


class Lambdamart:
    """Fitted ensembles over named feature columns.

    normalization  digest of the Normalizer its features went through; it may be asked only behind the same one
    engine         where the trees are grown: on Spark if it says so, else here
    work_folder    where a fit on Spark hands its table over; None: the system's temporary folder
    """

    version = 2

    def __init__(self, config: LambdamartConfig | None = None):
        """Unfitted ranker; `config` defaults to the declared defaults."""
        self.config = config or LambdamartConfig()
        self.curve: list[float] = []
        self.calibration: Calibration | None = None
        self.consensus: Consensus | None = None
        self.buy_again: BuyAgain | None = None
        self.normalization = Normalizer().digest
        self.engine: EngineConfig | None = None
        self.work_folder: Path | None = None

    def fit(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        groups: np.ndarray,
        held_out: np.ndarray,
        names: list[str],
        seed: int,
    ) -> Lambdamart:
        """Fit on queries; returns self.

        features  float32 (pairs, len(names)); NaN where unknown, and infinity counts as that
        labels    int (pairs,), 1 where the candidate was bought
        groups    int (pairs,), query of every pair, not decreasing
        held_out  bool (pairs,), queries kept for early stopping and the curve; none may be where `patience` is None
        """
        self.names = names
        grow = self._grown_on_spark if on_spark(self.engine) else self._grown_here
        seeds = [seed + APART * n for n in range(self.config.ensembles)]
        grown = grow(_known(features), labels, groups, held_out, seeds)
        self.boosters = [self._in_time(booster) for booster, _ in grown]
        self.curve = [float(np.mean(round_)) for round_ in zip(*(curve for _, curve in grown), strict=False)]
        return self

    def _in_time(self, booster: Any) -> Any:
        return booster if self.config.patience is None else booster[: booster.best_iteration + 1]

    @property
    def trees(self) -> int:
        """Of all ensembles together."""
        return sum(booster.num_boosted_rounds() for booster in self.boosters)

    def _grown_here(
        self, features: np.ndarray, labels: np.ndarray, groups: np.ndarray, held_out: np.ndarray, seeds: list[int]
    ) -> list[tuple[Any, list[float]]]:
        """Whole ensembles, best_iteration said where they stop by it, each with the curve of the stopping metric."""
        import xgboost as xgb

        names = self.names

        def matrix(part: np.ndarray) -> xgb.DMatrix:
            return xgb.DMatrix(features[part], labels[part], qid=groups[part], feature_names=names)

        train, evals = matrix(~held_out), [(matrix(held_out), "held_out")] if held_out.any() else []

        def ensemble(seed: int) -> tuple[Any, list[float]]:
            history: dict = {}
            booster = xgb.train(
                self._parameters(seed),
                train,
                self.config.trees,
                evals=evals,
                early_stopping_rounds=self.config.patience,
                evals_result=history,
                verbose_eval=False,
            )
            return booster, [float(v) for v in history["held_out"][STOPPING_METRIC]] if history else []

        return [ensemble(seed) for seed in seeds]

    def _grown_on_spark(
        self, features: np.ndarray, labels: np.ndarray, groups: np.ndarray, held_out: np.ndarray, seeds: list[int]
    ) -> list[tuple[Any, list[float]]]:
        from components.ranking.trees_on_spark import Rows, grown

        rows = Rows(features, labels, groups, held_out)
        return [
            grown(rows, self.names, self._parameters(seed), self.config, self.engine, self.work_folder)
            for seed in seeds
        ]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """float32 (pairs,), larger is better; only comparable within one user."""
        if not len(features):
            return np.zeros(0, dtype=np.float32)
        known = _known(features)
        told = [booster.inplace_predict(known, validate_features=False) for booster in self.boosters]
        scores = np.mean(told, axis=0, dtype=np.float32)
        if self.consensus is not None:
            scores = self.consensus.score(scores, self.names, features)
        return scores if self.buy_again is None else self.buy_again.score(scores, self.chances(features))

    @property
    def trees_share(self) -> float:
        """What the trees count beside the models' consensus, 0 … 1."""
        return 1.0 if self.consensus is None else self.consensus.trees_share

    def chances(self, features: np.ndarray) -> np.ndarray:
        """float32 (pairs,), the column of `buy_again`."""
        return features[:, self.names.index(self.buy_again.column)]

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """float32 (pairs, len(names)): what every feature adds to a pair's score (Lundberg et al. 2020, TreeSHAP).

        A row's sum and a constant, the same for all pairs, make the score.
        """
        import xgboost as xgb

        matrix = xgb.DMatrix(_known(features), feature_names=self.names)
        told = np.mean([booster.predict(matrix, pred_contribs=True) for booster in self.boosters], axis=0)
        if not len(told):
            return told[:, :-1]
        added, base = told[:, :-1], float(told[0, -1])
        if self.consensus is not None:
            added, base = self.consensus.contributions(added, base, self.names, features)
        if self.buy_again is not None:
            column = self.names.index(self.buy_again.column)
            added = self.buy_again.contributions(added, base, self.chances(features), column)
        return added

    def importance(self) -> dict[str, float]:
        """Share of the total gain by feature name, largest first."""
        gains: Counter[str] = Counter()
        for booster in self.boosters:
            gains.update(booster.get_score(importance_type="total_gain"))
        total = sum(gains.values()) or 1.0
        return {name: gain / total for name, gain in sorted(gains.items(), key=lambda pair: -pair[1])}

    def save(self, folder: Path) -> None:
        """Write the trees and what belongs to them; the caller seals the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, booster in enumerate(self.boosters):
            booster.save_model(_trees(folder, number))
        bundle.write_json(
            folder / bundle.META,
            {
                "kind": "ranker",
                "format": 1,
                "component_version": self.version,
                "config": self.config.model_dump(mode="json"),
                "features": self.names,
                "normalization": self.normalization,
                "curve": self.curve,
                "calibration": self.calibration.pack() if self.calibration else None,
                "consensus": self.consensus.pack() if self.consensus else None,
                "buy_again": self.buy_again.pack() if self.buy_again else None,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Lambdamart:
        """Read a ranker from a folder that was verified by its seal."""
        meta = bundle.read_json(folder / bundle.META)
        if meta.get("kind") != "ranker" or meta.get("component_version") != cls.version:
            raise BundleError(f"{folder}: not a ranker of version {cls.version}; train it again.")
        ranker = cls(LambdamartConfig.model_validate(meta["config"]))
        ranker.names, ranker.curve = meta["features"], meta["curve"]
        ranker.calibration = Calibration.unpack(meta.get("calibration"))
        ranker.consensus = Consensus.unpack(meta.get("consensus"))
        ranker.buy_again = BuyAgain.unpack(meta.get("buy_again"))
        ranker.normalization = meta.get("normalization", ranker.normalization)
        ranker.boosters = [ranker._read(_trees(folder, number)) for number in range(ranker.config.ensembles)]
        return ranker

    def _read(self, path: Path) -> Any:
        import xgboost as xgb

        booster = xgb.Booster()
        booster.load_model(path)
        booster.set_param({"nthread": self.config.threads})
        return booster

    def _parameters(self, seed: int) -> dict:
        c = self.config
        directions = ",".join(str(_direction(name)) for name in self.names)
        return {
            "objective": "rank:ndcg",
            "eval_metric": STOPPING_METRIC,
            "lambdarank_pair_method": "topk",
            "lambdarank_num_pair_per_sample": 10,
            "eta": c.learning_rate,
            "max_depth": c.max_depth,
            "min_child_weight": c.min_child_weight,
            "lambda": c.regularization,
            "subsample": c.row_share,
            "colsample_bytree": c.column_share,
            "tree_method": "hist",
            "max_bin": MAX_BIN,
            "nthread": c.threads,
            "seed": seed,
            **({"monotone_constraints": f"({directions})"} if c.monotone else {}),
        }


def _trees(folder: Path, number: int) -> Path:
    return folder / TREES.format(f"-{number + 1}" if number else "")


def _direction(column: str) -> int:
    """Whether a score may only rise (1) or fall (-1) with a column, or is free (0)."""
    if column.startswith(RISING):
        return 1
    return -1 if column.startswith(FALLING) else 0


def _known(features: np.ndarray) -> np.ndarray:
    """Features with NaN for infinity, which XGBoost refuses to learn from."""
    infinite = np.isinf(features)
    return np.where(infinite, np.float32(np.nan), features) if infinite.any() else features
