"""stress: how much accuracy the ranker keeps when histories are noisy or thin."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.core import bundle, layout, rng
from components.core.dataset import Dataset
from components.evaluation.protocol import ALL, task
from components.ranking.assemble import load_hybrid, load_models
from components.robustness import page
from components.robustness.report import StressConfig, assemble, metrics
from components.robustness.stress import CUTOFF, Trial
from components.splits import store
from components.steps.result import StepResult

RANKER = "ranker"


def stress(config: StressConfig, root: Path, seed: int) -> StepResult:
    """Perturb the histories of a sample of test households and measure what the ranker still finds.

    Reads   models/<name>/test/, ranker/, features/, reduced/, split/test/
    Writes  robustness/{report.html,report.json,curves.png}
    """
    fold = layout.TEST_FOLD
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    hybrid = load_hybrid(root, fold, data)
    baseline = load_models(root, fold, [config.baseline])[config.baseline]
    recommenders = {
        RANKER: lambda histories: hybrid.recommend(histories, CUTOFF)[0],
        config.baseline: lambda histories: baseline.recommend(histories, CUTOFF),
    }
    report = assemble(config, recommenders, sample(data, root, fold, config.households, seed), seed)
    with bundle.replacing(root / layout.ROBUSTNESS) as fresh:
        page.write(report, fresh)
    files = tuple(root / layout.ROBUSTNESS / name for name in page.FILES)
    return StepResult("; ".join(report["reasons"]), metrics(report), artifacts=files)


def sample(data: Dataset, root: Path, fold: str, households: int, seed: int) -> Trial:
    """Some households of the fold's target window, drawn at random, and what they bought in it."""
    work = task(data, store.load_target(root / layout.SPLIT / fold / store.TARGET, data))
    n = len(work.histories)
    rows = np.sort(rng.stream(seed, "stress").choice(n, size=min(households, n), replace=False))
    chosen = work.take(rows)
    return Trial(chosen.histories, chosen.relevant[ALL])
