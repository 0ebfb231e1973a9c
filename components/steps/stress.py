"""stress: how much accuracy the ranker keeps when histories are noisy or thin."""

from __future__ import annotations

from pathlib import Path

from components.core import bundle, layout
from components.ranking.assemble import load_hybrid, load_models
from components.ranking.nominee import stand_in_of
from components.robustness import page
from components.robustness.report import StressConfig, assemble, metrics
from components.robustness.subjects import sample, subjects
from components.splits import store
from components.steps.result import StepResult


def stress(config: StressConfig, root: Path, seed: int) -> StepResult:
    """Perturb the histories of a sample of test users and measure what the ranker still finds.

    Reads   models/<name>/test/, ranker/, evaluation/nominee.json, features/, reduced/, split/test/
    Writes  robustness/{report.html,report.json,curves.png}
    """
    fold = layout.TEST_FOLD
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    baseline = load_models(root, fold, [config.baseline])[config.baseline]
    asked = subjects(load_hybrid(root, fold, data), config.baseline, baseline)
    report = assemble(config, asked, sample(data, root, fold, config.users, seed), seed)
    report["stand_in"] = stand_in_of(root)
    with bundle.replacing(root / layout.ROBUSTNESS) as fresh:
        page.write(report, fresh)
    files = tuple(root / layout.ROBUSTNESS / name for name in page.FILES)
    told = [f"{report['stand_in']}, the stand-in"] if report["stand_in"] else []
    return StepResult("; ".join([*told, *report["reasons"]]), metrics(report), artifacts=files)
