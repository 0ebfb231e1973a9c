"""The robustness report: every perturbation tried and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from components.core.config import Config, parse
from components.core.progress import track
from components.core.registry import PERTURBATIONS
from components.evaluation.protocol import CUTOFF
from components.robustness.stress import Judged, Recommender, Trial, accuracy, judge, stress

Report = dict[str, Any]


class PerturbationConfig(Config):
    """What a perturbation does, and how much of NDCG@10 may be lost (a share) at the level it is judged at."""

    params: dict[str, Any] = Field(default_factory=dict)
    judged_level: float = Field(default=0.2, gt=0, le=1)
    max_relative_loss: float = Field(default=0.1, ge=0, le=1)


class StressConfig(Config):
    """What is tried.

    perturbations  registered name → how it is judged
    levels         how bad it gets, from nearly nothing to 1 (everything)
    users          how many of the test window are asked, drawn at random
    draws          how often a perturbation is drawn anew where one draw does not settle the verdict
    baseline       a simple model shown beside the ranker; only the ranker is judged
    """

    perturbations: dict[str, PerturbationConfig] = Field(
        default={"event_noise": PerturbationConfig(), "thinned_history": PerturbationConfig()}, min_length=1
    )
    levels: tuple[float, ...] = (0.1, 0.2, 0.4)
    users: int = Field(default=250, ge=2)
    draws: int = Field(default=20, ge=1, le=1000)
    baseline: str = "household_recency"

    @model_validator(mode="after")
    def _levels_are_levels(self) -> StressConfig:
        if (
            not self.levels
            or list(self.levels) != sorted(set(self.levels))
            or not 0 < self.levels[0] <= self.levels[-1] <= 1
        ):
            raise ValueError("levels must ascend from above 0 to at most 1")
        for name, config in self.perturbations.items():
            if config.judged_level not in self.levels:
                raise ValueError(f"perturbations.{name}.judged_level must be one of the levels")
        return self


def assemble(
    config: StressConfig,
    recommenders: Mapping[str, Recommender],
    trial: Trial,
    seed: int,
) -> Report:
    """Try every perturbation; the first recommender is the one that is judged.

    Another one that finds nothing even in undisturbed histories has nothing to lose, and is left out.
    Returns  {"passed", "reasons", "judged", "left_out", "users", "metric", "perturbations": {name: {"level_words",
             "judged_level", "max_relative_loss", "passed", "reason", "curves": {recommender: [point]}}}}
    """
    judged = next(iter(recommenders))
    undisturbed = {who: accuracy(recommend, trial.histories, trial.relevant) for who, recommend in recommenders.items()}
    left_out = [who for who, found in undisturbed.items() if who != judged and not np.nanmean(found) > 0]
    recommenders = {who: recommend for who, recommend in recommenders.items() if who not in left_out}
    tried = {}
    for name, how in config.perturbations.items():
        cls = PERTURBATIONS.get(name)
        perturbation = cls(parse(cls.Config, how.params, f"stress.perturbations.{name}.params"))
        levels = partial(track, description=words(name))
        judging = Judged(how.judged_level, how.max_relative_loss, config.draws)
        curves = stress(recommenders, trial, undisturbed, perturbation, config.levels, judging, seed, levels)
        passed, reason = judge(curves[judged], how.judged_level, how.max_relative_loss)
        tried[name] = {
            "level_words": cls.level_words,
            "judged_level": how.judged_level,
            "max_relative_loss": how.max_relative_loss,
            "passed": passed,
            "reason": reason,
            "curves": {who: [asdict(point) for point in points] for who, points in curves.items()},
        }
    return {
        "passed": all(part["passed"] for part in tried.values()),
        "reasons": [f"{words(name)}: {part['reason']}" for name, part in tried.items()],
        "judged": judged,
        "left_out": left_out,
        "users": len(trial.histories),
        "metric": f"ndcg_at_{CUTOFF}",
        "perturbations": tried,
    }


def metrics(report: Report) -> dict[str, float]:
    """MLflow metrics: the judged recommender's loss at the judged level, and whether all passed."""
    out = {"passed": float(report["passed"])}
    for name, part in report["perturbations"].items():
        judged = next(p for p in part["curves"][report["judged"]] if p["level"] == part["judged_level"])
        out[f"{name}.relative_loss"] = judged["loss"]
    return out


def words(name: str) -> str:
    """A registered name as words."""
    return name.replace("_", " ")
