"""rank: fit the ranker on the validation fold, whose target window no candidate model has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from components.core import bundle, layout, rng
from components.core.dataset import Histories
from components.core.errors import DataError
from components.core.progress import track
from components.evaluation.held_out import HeldOut, ask
from components.evaluation.protocol import ALL, Task, idle, task
from components.metrics.calibration import Reliability, base_rate, expected_calibration_error, skill
from components.ranking.assemble import CHOICE, untrained_hybrid
from components.ranking.hybrid import Hybrid
from components.ranking.lambdamart import Lambdamart
from components.ranking.nominee import led_by
from components.ranking.probabilities import calibrate, idle_table
from components.ranking.training import (
    RankConfig,
    Table,
    buy_again,
    consensus,
    foretell,
    held_out_queries,
    training_table,
)
from components.report import figures
from components.splits import store
from components.steps.result import StepResult

RELIABILITY = "reliability.png"
CROSSED_PAIRS = 300_000  # so many candidates or fewer: trees take seconds, and every user is asked in PARTS turns
PARTS = 5


def rank(config: RankConfig, root: Path, seed: int) -> StepResult:
    """Fit LambdaMART on the union of the models' candidates.

    Reads   models/<name>/validation/, features/, reduced/, split/validation/
    Writes  ranker/ (a sealed bundle: trees, feature names, the choice of candidate models and of the stand-in)
    Raises  ConfigError where the training table would need more memory than there is, before it is made
    """
    fold = layout.VALIDATION_FOLD
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    asked, target = store.load_questions(root, fold, data)
    work = task(asked, target)
    hybrid = untrained_hybrid(root, fold, data, config.candidates, config.candidates_per_model, config.retrieval)
    foretell("rank", hybrid.context, len(work.histories), work.relevant[ALL], config)
    draw = rng.stream(seed, "rank")
    table = training_table(
        hybrid, work.histories, work.relevant[ALL], config, draw, lambda blocks: track(blocks, "candidates")
    )
    held_out = held_out_queries(table.groups, config.held_out_share, draw)
    _check_labels(table, root)
    ranker = _fitted(config, table, held_out, root, seed)
    ranker.normalization = hybrid.context.normalizer.digest
    found = _asked(config, hybrid, work, table, (ranker, held_out), root, seed)
    if found.better_alone:
        ranker = led_by(ranker, found.better_alone)
    nothing = idle(asked, target, everybody=store.asks_everybody(root, fold))
    curve = calibrate(ranker, table, held_out, _idle(config, hybrid, nothing, table, held_out, seed), draw)
    _write(root / layout.RANKER, config, ranker, found, curve)
    artifacts = (root / layout.RANKER / RELIABILITY,) if curve else ()
    metrics = _metrics(table, ranker, found, curve)
    curves = {"early_stopping_score": ranker.curve}
    return StepResult(_summary(table, ranker, found, curve), metrics, curves=curves, artifacts=artifacts)


def _fitted(config: RankConfig, table: Table, held_out: np.ndarray, root: Path, seed: int) -> Lambdamart:
    """Trees, and what their scores are joined with."""
    ranker = Lambdamart(config.lambdamart)
    ranker.engine, ranker.work_folder = config.engine, root / layout.TRAINING / layout.RANKER.name
    ranker.fit(table.features, table.labels, table.groups, held_out, table.names, seed)
    ranker.consensus = consensus(config.consensus, ranker, table, held_out)
    ranker.buy_again = buy_again(config.buy_again, ranker, table, held_out)
    return ranker


def _asked(
    config: RankConfig,
    hybrid: Hybrid,
    work: Task,
    table: Table,
    fitted: tuple[Lambdamart, np.ndarray],
    root: Path,
    seed: int,
) -> HeldOut:
    """How the ranker stands with users it did not learn from: those held out, or where trees are cheap, everybody.

    fitted  the ranker, and bool (pairs,), the queries that were held out of it
    """
    users = np.unique(table.groups // 2)
    if len(table.labels) > CROSSED_PAIRS or len(users) < 2 * PARTS:
        ranker, held_out = fitted
        return ask(replace(hybrid, ranker=ranker), work.take(np.unique(table.groups[held_out] // 2)))
    draw = rng.stream(seed, "rank", "parts")
    found = []
    for part in track(np.array_split(draw.permutation(users), PARTS), "parts of the users"):
        rest = table.keep(~np.isin(table.groups // 2, part))
        ranker = _fitted(config, rest, held_out_queries(rest.groups, config.held_out_share, draw), root, seed)
        ranker.normalization = hybrid.context.normalizer.digest
        found.append(ask(replace(hybrid, ranker=ranker), work.take(np.sort(part))))
    return HeldOut.joined(found)


def _write(folder: Path, config: RankConfig, ranker: Lambdamart, found: HeldOut, curve: Reliability | None) -> None:
    with bundle.replacing(folder) as fresh:
        ranker.save(fresh)
        choice = {
            "models": config.candidates,
            "candidates_per_model": config.candidates_per_model,
            "retrieval": config.retrieval.model_dump(mode="json"),
            "order": _order(ranker, found),
            "stand_in": found.stand_in(),  # named before the test window is looked at
        }
        bundle.write_json(fresh / CHOICE, choice)
        bundle.write_json(fresh / "importance.json", ranker.importance())
        if curve:
            bundle.write_json(fresh / layout.CALIBRATION_FILE, _judged(curve))
            figures.reliability(curve.foretold, curve.happened, "Candidates of held-out users, idle ones too").savefig(
                fresh / RELIABILITY
            )
        bundle.seal(fresh, {})


def _judged(curve: Reliability) -> dict[str, float]:
    """How true the probabilities are, for the gate and the model card."""
    return {
        "expected_calibration_error": expected_calibration_error(curve),
        "base_rate": base_rate(curve),
        "skill": skill(curve),
        "pairs": round(float(np.sum(curve.counts))),
    }


def _order(ranker: Lambdamart, found: HeldOut) -> str:
    """By what candidates are ordered, in words."""
    if found.better_alone:
        return f"{found.better_alone} alone, because the ranker is not clearly better: {found.words}"
    return f"the trees count {ranker.trees_share:.0%}, the models' consensus the rest: {found.words}"


def _metrics(table: Table, ranker: Lambdamart, found: HeldOut, curve: Reliability | None) -> dict[str, float]:
    metrics = {
        "pairs": float(len(table.labels)),
        "trees": float(ranker.trees),
        "trees_share": ranker.trees_share,
        "early_stopping_score": max(ranker.curve),
        "candidate_recall": table.candidate_recall,
        "held_out.gain_over_best_model": found.gain(found.best_model)[0],
        "held_out.gain_error": found.gain(found.best_model)[1],
        "gave_way_to_a_model": float(found.better_alone is not None),
    }
    if curve:
        metrics |= {"calibration_error": expected_calibration_error(curve), "calibration_skill": skill(curve)}
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def _summary(table: Table, ranker: Lambdamart, found: HeldOut, curve: Reliability | None) -> str:
    leading = ", ".join(list(ranker.importance())[:3])
    summary = f"{len(table.labels):,} candidates hold {table.candidate_recall:.0%} of what was bought; led by {leading}"
    summary += f"; ordered by {_order(ranker, found)}"
    return summary + (
        "" if curve else "; held-out users bought too few candidates to judge probabilities, so none are told"
    )


def _idle(
    config: RankConfig, hybrid: Hybrid, users: Histories, table: Table, held_out: np.ndarray, seed: int
) -> Table | None:
    """Candidates of users who bought nothing; the draws are apart, so that trees and lines are what they were."""
    buyers = (len(np.unique(table.groups // 2)), len(np.unique(table.groups[held_out] // 2)))
    draw = rng.stream(seed, "rank", "idle")
    return idle_table(hybrid, users, buyers, config, draw, lambda blocks: track(blocks, "users who bought nothing"))


def _check_labels(table: Table, root: Path) -> None:
    """A ranker learns from candidates that were bought; where there is none, say why that may be."""
    if table.labels.any():
        return
    method = store.load_facts(root)["method"]
    raise DataError(
        "rank: no model proposes anything that was bought in the validation window, so there is nothing to learn from. "
        + (
            "split.method is cold_items: it needs a model that knows items before anybody bought them."
            if method == "cold_items"
            else "Raise rank.candidates_per_model, name more models in rank.candidates, or give split more history."
        )
    )
