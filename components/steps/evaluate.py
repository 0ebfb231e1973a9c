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
from components.evaluation.nominees import SET_ASIDE, STAND_IN, Nominees, standing_in, words_of
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
from components.ranking.assemble import CHOICE, load_models, trained_hybrid
from components.ranking.nominee import FILE as NOMINEE_FILE
from components.ranking.nominee import Nominee, led_by
from components.splits import store
from components.splits.store import Target
from components.steps.result import StepResult

LISTS_FILE = "lists.parquet"  # top-10 of every recommender, user and view: anyone can recompute the figures
LISTS_SCHEMA = pa.schema(
    dict.fromkeys((schema.MODEL, "view", schema.USER_ID, schema.ITEM_ID), pa.string()) | {schema.RANK: pa.int64()}
)


class EvaluateConfig(Config):
    """models: names in params.yaml to compare with the ranker; slice_baseline: the one shown beside it in slices.

    stand_in  whether the model that rank named gives the order where the ranker is clearly worse on the test window
    """

    models: list[str] = Field(min_length=1)
    slice_baseline: str = "household_recency"
    stand_in: bool = True


def evaluate(config: EvaluateConfig, root: Path, seed: int) -> StepResult:
    """Measure all recommenders on the test fold, and say whether the ranker or its stand-in gives the order.

    Where the stand-in does, the report's "ranker" is its order: what is judged and released.
    Reads   models/<name>/test/, ranker/, features/, reduced/, split/test/
    Writes  evaluation/{report.json,report.html,nominee.json,lists.parquet,*.png}
    """
    fold = layout.TEST_FOLD
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    asked, target = store.load_questions(root, fold, data)
    work = task(asked, target)
    named = bundle.read_json(root / layout.RANKER / CHOICE).get("stand_in") if config.stand_in else None
    ranked = _all_lists(config, root, data, work, named["model"] if named else None)
    measured = {
        name: {v: measure(parts[v], work.relevant[v], work.n_items) for v in VIEWS} for name, parts in ranked.items()
    }
    nominees = _nominees(named, measured, rng.stream(seed, "evaluate", "nominees"))
    if named:
        ranked, measured = (_seated(by_name, nominees) for by_name in (ranked, measured))
    report = _report(config, data, target, work, measured, rng.stream(seed, "evaluate")) | {
        "split": _split(root),
        "nominees": nominees.report() if nominees else None,
    }
    _write(root, report, ranked, data.items, work)
    files = tuple(
        root / layout.EVALUATION / name for name in ("report.html", "report.json", "ndcg_all.png", "ndcg_new.png")
    )
    return StepResult(_summary(report), _metrics(report), artifacts=files)


def _write(root: Path, report: dict[str, Any], ranked: dict[str, Lists], items: Vocabulary, work: Task) -> None:
    with bundle.replacing(root / layout.EVALUATION) as fresh:
        bundle.write_json(fresh / "report.json", report)
        decided = Nominee(ranker=bundle.digest(root / layout.RANKER), stand_in=standing_in(report))
        bundle.write_json(fresh / NOMINEE_FILE.name, decided.model_dump(mode="json"))
        page.write(report, fresh / "report.html")
        for view in VIEWS:
            page.bars(report, view).savefig(fresh / f"ndcg_{view}.png")
        _write_lists(fresh / LISTS_FILE, ranked, items, work)


def _all_lists(config: EvaluateConfig, root: Path, data: Dataset, work: Task, stand_in: str | None) -> dict[str, Lists]:
    """Lists of the ranker as it was trained, of STAND_IN's order where there is one, and of the models."""
    hybrid = trained_hybrid(root, layout.TEST_FOLD, data)
    others = load_models(root, layout.TEST_FOLD, [name for name in config.models if name not in hybrid.models])
    orders = {RANKER: hybrid.ranker} | ({STAND_IN: led_by(hybrid.ranker, stand_in)} if stand_in else {})

    def ask(block: Histories) -> dict[str, Lists]:
        scores = {name: model.score(block) for name, model in hybrid.models.items()}
        compared = scores | {name: model.score(block) for name, model in others.items()}
        ours = zip(orders, hybrid.scores_by(list(orders.values()), block, scores), strict=True)
        return {name: lists(of, block) for name, of in ours} | {n: lists(compared[n], block) for n in config.models}

    return lists_of_many(ask, work.histories, lambda blocks: track(blocks, "ranking for all users"))


def _nominees(
    named: dict[str, Any] | None, measured: dict[str, dict[str, Measured]], draw: np.random.Generator
) -> Nominees | None:
    """Both nominees, where rank named a stand-in; draws of its own, so that no other interval moves."""
    if named is None:
        return None
    return Nominees.measured(named["model"], named["words"], measured[RANKER], measured[STAND_IN], draw)


def _seated(by_name: dict[str, Any], nominees: Nominees) -> dict[str, Any]:
    """RANKER is the nominee that is released; a ranker that gave way stands last, as SET_ASIDE."""
    others = {name: of for name, of in by_name.items() if name not in (RANKER, STAND_IN)}
    if not nominees.ranker_gives_way:
        return {RANKER: by_name[RANKER], **others}
    return {RANKER: by_name[STAND_IN], **others, SET_ASIDE: by_name[RANKER]}


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


def _write_lists(path: Path, ranked: dict[str, Lists], items: Vocabulary, work: Task) -> None:
    """All lists as one table, one model and view after the other, so that no more than one is in memory as text."""
    users, ids = pa.array(work.user_ids.tolist(), pa.string()), pa.array(items.ids.tolist(), pa.string())
    with pq.ParquetWriter(path, LISTS_SCHEMA) as writer:
        for name, by_view in ranked.items():
            for view, block in by_view.items():
                rows, ranks = np.nonzero(block >= 0)
                columns = {
                    schema.MODEL: pa.repeat(name, len(rows)),
                    "view": pa.repeat(view, len(rows)),
                    schema.USER_ID: users.take(pa.array(rows)),
                    schema.ITEM_ID: ids.take(pa.array(block[rows, ranks])),
                    schema.RANK: pa.array((ranks + 1).astype(np.int64)),
                }
                writer.write_table(pa.table(columns, LISTS_SCHEMA))


def _metrics(report: dict[str, Any]) -> dict[str, float]:
    """MLflow metrics: the ranker's own under plain names, the others' with their name in front."""
    out = {}
    for name, views in report["models"].items():
        for view, figures in views.items():
            prefix = "" if name == RANKER else f"{name}."
            out |= {f"{prefix}{view}.{metric}": cell["mean"] for metric, cell in figures.items()}
    return out | _nominee_metrics(report)


def _nominee_metrics(report: dict[str, Any]) -> dict[str, float]:
    """Whether the stand-in gives the order, and what the ranker gains over it."""
    if not report["nominees"]:
        return {}
    gains = {f"gain_over_stand_in.{v}": cell["mean"] for v, cell in report["nominees"]["differences"].items()}
    return {"stand_in_gives_the_order": float(standing_in(report) is not None), **gains}


def _summary(report: dict[str, Any]) -> str:
    cells = {view: report["models"][RANKER][view]["ndcg_at_10"]["mean"] for view in (ALL, NEW)}
    measured = f"NDCG@10 {cells[ALL]:.4f} on all items, {cells[NEW]:.4f} on new ones"
    stand_in = standing_in(report)
    return f"{stand_in}, the stand-in: {measured}. {words_of(report)}" if stand_in else f"ranker {measured}"
