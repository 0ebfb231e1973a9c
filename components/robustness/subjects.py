"""Who is stressed, and with which users: the recommender of this run's fold, or a release made elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.core import rng
from components.core.dataset import Dataset
from components.core.errors import ConfigError
from components.core.model import Model
from components.core.schema import RANKER
from components.evaluation.foreign import translated
from components.evaluation.protocol import ALL, CUTOFF, task
from components.ranking.hybrid import Hybrid
from components.robustness.stress import Recommender, Trial
from components.splits import store


def sample(data: Dataset, root: Path, fold: str, users: int, seed: int) -> Trial:
    """Some users of the fold's target window, drawn at random, and what they bought in it."""
    work = task(*store.load_questions(root, fold, data))
    n = len(work.histories)
    rows = np.sort(rng.stream(seed, "stress").choice(n, size=min(users, n), replace=False))
    chosen = work.take(rows)
    return Trial(chosen.histories, chosen.relevant[ALL])


def subjects(hybrid: Hybrid, baseline: str, model: Model) -> dict[str, Recommender]:
    """The ranker, which is judged, and a simple model beside it, both over the same catalogue."""
    return {
        RANKER: lambda histories: hybrid.recommend(histories, CUTOFF)[0],
        baseline: lambda histories: model.recommend(histories, CUTOFF),
    }


def release_subjects(hybrid: Hybrid, baseline: str, data: Dataset) -> dict[str, Recommender]:
    """As `subjects`, for a release that was fitted on another catalogue than `data`'s.

    Raises ConfigError if the release does not hold the baseline.
    """
    if baseline not in hybrid.models:
        raise ConfigError(
            f"stress.baseline: the release has no '{baseline}'; it has {', '.join(sorted(hybrid.models))}."
        )
    found = subjects(hybrid, baseline, hybrid.models[baseline])
    return {name: _translated(recommend, hybrid, data) for name, recommend in found.items()}


def _translated(recommend: Recommender, hybrid: Hybrid, data: Dataset) -> Recommender:
    lister = translated(lambda block: {ALL: recommend(block)}, hybrid.items, hybrid.users, data)
    return lambda histories: lister(histories)[ALL]
