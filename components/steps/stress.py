"""stress: how much accuracy the ranker keeps when histories are noisy or thin."""

from __future__ import annotations

from pathlib import Path

from components.core import bundle, layout
from components.ranking.assemble import load_hybrid, load_models
from components.robustness import page
from components.robustness.report import StressConfig, assemble, metrics
from components.robustness.subjects import sample, subjects
from components.splits import store
from components.steps.result import StepResult


def stress(config: StressConfig, root: Path, seed: int) -> StepResult:
    """Perturb the histories of a sample of test users and measure what the ranker still finds.

    Reads   models/<name>/test/, ranker/, features/, reduced/, split/test/
    Writes  robustness/{report.html,report.json,curves.png}
    """
    fold = layout.TEST_FOLD
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    baseline = load_models(root, fold, [config.baseline])[config.baseline]
    asked = subjects(load_hybrid(root, fold, data), config.baseline, baseline)
    report = assemble(config, asked, sample(data, root, fold, config.users, seed), seed)
    with bundle.replacing(root / layout.ROBUSTNESS) as fresh:
        page.write(report, fresh)
    files = tuple(root / layout.ROBUSTNESS / name for name in page.FILES)
    return StepResult("; ".join(report["reasons"]), metrics(report), artifacts=files)
