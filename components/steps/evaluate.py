"""evaluate: every model and the ranker on the test window nobody has seen, over the full catalogue."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from components.core import bundle, layout, rng, schema
from components.core.config import Config
from components.core.dataset import Dataset, Histories
from components.core.progress import track
from components.core.schema import RANKER
from components.core.vocabulary import Vocabulary
from components.evaluation import compare, page
from components.evaluation.protocol import (
    ALL,
    NEW,
    VIEWS,
    Lists,
    Measured,
    Task,
    lists,
    lists_of_many,
    measure,
    task,
)
from components.ranking.assemble import load_hybrid, load_models
from components.splits import store
from components.splits.store import Target
from components.steps.result import StepResult

LISTS_FILE = "lists.parquet"  # top-10 of every recommender, user and view: anyone can recompute the figures


class EvaluateConfig(Config):
    """models: names in params.yaml to compare with the ranker; slice_baseline: the one shown beside it in slices."""

    models: list[str] = Field(min_length=1)
    slice_baseline: str = "household_recency"


def evaluate(config: EvaluateConfig, root: Path, seed: int) -> StepResult:
    """Measure all recommenders on the test fold.

    Reads   models/<name>/test/, ranker/, features/, reduced/, split/test/
    Writes  evaluation/{report.json,report.html,lists.parquet,*.png}
    """
    fold = layout.TEST_FOLD
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    asked, target = store.load_questions(root, fold, data)
    work = task(asked, target)
    ranked = _all_lists(config, root, data, work)
    measured = {
        name: {v: measure(parts[v], work.relevant[v], work.n_items) for v in VIEWS} for name, parts in ranked.items()
    }
    report = _report(config, data, target, work, measured, rng.stream(seed, "evaluate")) | {"split": _split(root)}
    with bundle.replacing(root / layout.EVALUATION) as fresh:
        bundle.write_json(fresh / "report.json", report)
        page.write(report, fresh / "report.html")
        for view in VIEWS:
            page.bars(report, view).savefig(fresh / f"ndcg_{view}.png")
        pq.write_table(_lists_table(ranked, data.items, work), fresh / LISTS_FILE)
    files = tuple(
        root / layout.EVALUATION / name for name in ("report.html", "report.json", "ndcg_all.png", "ndcg_new.png")
    )
    return StepResult(_summary(report), _metrics(report), artifacts=files)


def _all_lists(config: EvaluateConfig, root: Path, data: Dataset, work: Task) -> dict[str, Lists]:
    hybrid = load_hybrid(root, layout.TEST_FOLD, data)
    others = load_models(root, layout.TEST_FOLD, [name for name in config.models if name not in hybrid.models])

    def ask(block: Histories) -> dict[str, Lists]:
        scores = {name: model.score(block) for name, model in hybrid.models.items()}
        compared = scores | {name: model.score(block) for name, model in others.items()}
        ours = {RANKER: lists(hybrid.score(block, scores), block)}
        return ours | {name: lists(compared[name], block) for name in config.models}

    return lists_of_many(ask, work.histories, lambda blocks: track(blocks, "ranking for all users"))


def _report(
    config: EvaluateConfig,
    data: Dataset,
    target: Target,
    work: Task,
    measured: dict[str, dict[str, Measured]],
    draw: np.random.Generator,
) -> dict[str, Any]:
    ours = measured[RANKER]
    others = {name: parts for name, parts in measured.items() if name != RANKER}
    return {
        "fold": layout.TEST_FOLD,
        "cutoff_time": f"{datetime.fromtimestamp(data.now, UTC):%Y-%m-%d %H:%M} UTC",
        "users": len(work.histories),
        "counted": {v: int((work.relevant[v].getnnz(axis=1) > 0).sum()) for v in VIEWS},
        "catalogue": work.n_items,
        "target_outside_share": target.outside / max(len(target.rows) + target.outside, 1),
        "target_unknown_users": target.unknown_users,
        "models": {n: {v: compare.figures(parts[v], draw) for v in VIEWS} for n, parts in measured.items()},
        "differences": {v: {n: compare.difference(ours[v], p[v], draw) for n, p in others.items()} for v in VIEWS},
        "slice_baseline": config.slice_baseline,
        "slices": _slices(work, ours[ALL], measured[config.slice_baseline][ALL], draw),
    }


def _split(root: Path) -> dict[str, Any]:
    """How the test fold was made, and what leaks in it."""
    facts = store.load_facts(root)
    test = next(fold for fold in facts["folds"] if fold["name"] == layout.TEST_FOLD)
    return {"method": facts["method"], "leaks": facts["leaks"], "one_cutoff": test["one_cutoff"]}


def _slices(work: Task, ours: Measured, baseline: Measured, draw: np.random.Generator) -> dict[str, Any]:
    return {
        name: {
            "users": int(mask.sum()),
            "ranker": compare.figure(ours.per_user["ndcg"][mask], draw),
            "baseline": compare.figure(baseline.per_user["ndcg"][mask], draw),
        }
        for name, mask in compare.activity_slices(work.histories.lengths).items()
    }


def _lists_table(ranked: dict[str, Lists], items: Vocabulary, work: Task) -> pa.Table:
    parts = []
    for name, by_view in ranked.items():
        for view, block in by_view.items():
            rows, ranks = np.nonzero(block >= 0)
            columns = {
                schema.MODEL: np.full(len(rows), name),
                "view": np.full(len(rows), view),
                schema.USER_ID: work.user_ids[rows],
                schema.ITEM_ID: items.decode(block[rows, ranks]),
                schema.RANK: (ranks + 1).astype(np.int32),
            }
            parts.append(pa.table({key: pa.array(values.tolist()) for key, values in columns.items()}))
    return pa.concat_tables(parts)


def _metrics(report: dict[str, Any]) -> dict[str, float]:
    """MLflow metrics: the ranker's own under plain names, the others' with their name in front."""
    out = {}
    for name, views in report["models"].items():
        for view, figures in views.items():
            prefix = "" if name == RANKER else f"{name}."
            out |= {f"{prefix}{view}.{metric}": cell["mean"] for metric, cell in figures.items()}
    return out


def _summary(report: dict[str, Any]) -> str:
    cells = {view: report["models"][RANKER][view]["ndcg_at_10"]["mean"] for view in (ALL, NEW)}
    return f"ranker NDCG@10 {cells[ALL]:.4f} on all items, {cells[NEW]:.4f} on new ones"
