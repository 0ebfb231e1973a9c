"""gate: pass or fail, against simple models, the limits in params.yaml and the champion, with reasons in words."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.core import bundle, layout, rng
from components.core.errors import ReleaseError
from components.core.schema import RANKER
from components.evaluation import compare
from components.evaluation.foreign import translated
from components.evaluation.gate import GateConfig, decide
from components.evaluation.nominees import words_of
from components.evaluation.protocol import VIEWS, Lister, Measured, Task, lists, measure, ranked_lists, task
from components.ranking.assemble import load_hybrid
from components.ranking.hybrid import Hybrid
from components.ranking.nominee import stand_in_of
from components.splits import store
from components.steps.result import StepResult


def gate(config: GateConfig, root: Path, seed: int) -> StepResult:
    """Judge the order that `evaluate` says is released, and write the decision; `register` stops on a failed one.

    Reads   evaluation/report.json, robustness/report.json, quality/report.json, ranker/calibration.json, and the
            registry's champion
    Writes  decision/decision.json
    """
    champion = _champion(root)
    reports = [
        bundle.read_json(root / folder / "report.json")
        for folder in (layout.EVALUATION, layout.ROBUSTNESS, layout.QUALITY)
    ]
    differences = _against(champion, root, seed) if champion else None
    stand_in = stand_in_of(root)
    verdicts = decide(config, *reports, differences, None if stand_in else _calibration(root))
    failed = [v for v in verdicts if not v.passed]
    decision = {
        "passed": not failed,
        "first_release": champion is None,
        "champion": champion.version if champion else None,
        "order": stand_in or RANKER,
        "nominees": words_of(reports[0]),
        "gates": {v.gate: {"passed": v.passed, "reason": v.reason} for v in verdicts},
        "reasons": [f"{v.gate}: {v.reason}" for v in (failed or verdicts)],
    }
    with bundle.replacing(root / layout.DECISION) as fresh:
        bundle.write_json(fresh / "decision.json", decision)
    summary = f"{len(verdicts)} gates passed" if not failed else f"FAILED: {'; '.join(decision['reasons'])}"
    summary += f" (judged was {stand_in}, the ranker's stand-in)" if stand_in else ""
    metrics = {"gates": float(len(verdicts)), "gates_failed": float(len(failed))}
    return StepResult(summary, metrics, artifacts=(root / layout.DECISION / "decision.json",))


def _calibration(root: Path) -> dict[str, Any] | None:
    """How true the ranker's probabilities are; a stand-in's order tells none, so none are judged for it."""
    judged = root / layout.RANKER / layout.CALIBRATION_FILE
    return bundle.read_json(judged) if judged.is_file() else None


def _champion(root: Path) -> Any:
    from components.tracking.registry import CHAMPION, ModelRegistry

    return ModelRegistry(root=root).at_alias(CHAMPION)


def _against(champion: Any, root: Path, seed: int) -> dict[str, compare.Figure]:
    """Challenger minus champion on today's test window, user by user."""
    from components.release.load import load
    from components.tracking.registry import ModelRegistry

    data = store.load_dataset(root / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    work = task(*store.load_questions(root, layout.TEST_FOLD, data))
    ours = load_hybrid(root, layout.TEST_FOLD, data)
    with tempfile.TemporaryDirectory() as scratch:  # for a registry on another machine; a near one is read in place
        release = load(ModelRegistry(root=root).fetch(champion, Path(scratch)))
    refuse_hindsight(champion.version, release.known.now, data.now)
    theirs = release.hybrid
    foreign = translated(_lister(theirs), theirs.items, theirs.users, data)
    measured = [_measured(lister, work) for lister in (_lister(ours), foreign)]
    draw = rng.stream(seed, "gate")
    return {view: compare.difference(measured[0][view], measured[1][view], draw) for view in VIEWS}


def refuse_hindsight(version: str, fitted_until: int, cutoff: int) -> None:
    """Raise ReleaseError if the champion saw events at or after the cut-off it would be judged at; unix seconds."""
    if fitted_until > cutoff:
        until, cut = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for at in (fitted_until, cutoff))
        raise ReleaseError(
            f"gate: the champion, version {version}, was fitted on events up to {until}, past this test window's "
            f"cut-off {cut}: it has seen what it would be judged on. Bring newer data, or restore split.test_share."
        )


def _lister(hybrid: Hybrid) -> Lister:
    return lambda block: lists(hybrid.score(block), block)


def _measured(lister: Lister, work: Task) -> dict[str, Measured]:
    ranked = ranked_lists(lister, work.histories)
    return {view: measure(ranked[view], work.relevant[view], work.n_items) for view in VIEWS}
