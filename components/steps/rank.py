"""rank: fit the ranker on the validation fold, whose target window no candidate model has seen."""

from __future__ import annotations

from pathlib import Path

from components.core import bundle, layout, rng
from components.core.errors import DataError
from components.core.progress import track
from components.evaluation.protocol import ALL, task
from components.ranking.assemble import CHOICE, untrained_hybrid
from components.ranking.lambdamart import Lambdamart
from components.ranking.training import RankConfig, Table, held_out_queries, training_table
from components.splits import store
from components.steps.result import StepResult


def rank(config: RankConfig, root: Path, seed: int) -> StepResult:
    """Fit LambdaMART on the union of the models' candidates.

    Reads   models/<name>/validation/, features/, reduced/, split/validation/
    Writes  ranker/ (a sealed bundle: trees, feature names, the choice of candidate models)
    """
    fold = layout.VALIDATION_FOLD
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    work = task(*store.load_questions(root, fold, data))
    hybrid = untrained_hybrid(root, fold, data, config.candidates, config.candidates_per_model)
    draw = rng.stream(seed, "rank")
    table = training_table(
        hybrid, work.histories, work.relevant[ALL], config, draw, lambda blocks: track(blocks, "candidates")
    )
    held_out = held_out_queries(table.groups, config.held_out_share, draw)
    _check_labels(table, root)
    ranker = Lambdamart(config.lambdamart).fit(table.features, table.labels, table.groups, held_out, table.names, seed)
    ranker.normalization = hybrid.context.normalizer.digest
    with bundle.replacing(root / layout.RANKER) as fresh:
        ranker.save(fresh)
        choice = {"models": config.candidates, "candidates_per_model": config.candidates_per_model}
        bundle.write_json(fresh / CHOICE, choice)
        bundle.write_json(fresh / "importance.json", ranker.importance())
        bundle.seal(fresh, {})
    metrics = {
        "pairs": float(len(table.labels)),
        "trees": float(ranker.booster.num_boosted_rounds()),
        "early_stopping_score": max(ranker.curve),
        "candidate_recall": table.candidate_recall,
    }
    leading = ", ".join(list(ranker.importance())[:3])
    summary = f"{len(table.labels):,} candidates hold {table.candidate_recall:.0%} of what was bought; led by {leading}"
    return StepResult(summary, metrics, curves={"early_stopping_score": ranker.curve})


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
