"""Fits on Spark beside fits here, on the data of a run: NDCG@10, and how much the lists have in common.

    python -m tests.benchmarks.scale_out --project FOLDER [--users 600]

FOLDER holds the artifacts of a run (split, features, models). ALS is asked on the validation window; the ranker's trees
learn from some users of it and are asked about those held out, over the candidates of four models. Needs `make spark`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from components.cf.als import Als
from components.core import layout, rng
from components.core.dataset import Dataset
from components.core.ranking import ALL, NEW
from components.data.engine import EngineConfig
from components.evaluation.protocol import Task, lists, measure, ranked_lists, task
from components.ranking.assemble import untrained_hybrid
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.ranking.training import RankConfig, Table, held_out_queries, training_table
from components.retrieval.retrieval import RetrievalConfig
from components.splits import store
from tests.benchmarks.tables import print_table

SPARK = EngineConfig(component="spark", master="local[2]", memory_limit_gb=2)
MODELS = ["popularity", "household_recency", "item_knn", "als"]
FOLD = layout.VALIDATION_FOLD


def main() -> None:
    """Print one table for ALS, one for the trees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--users", type=int, default=600, help="of the validation window, for the trees")
    asked = parser.parse_args()
    data = store.load_dataset(asked.project / layout.SPLIT / FOLD / store.DATASET)
    work = task(*store.load_questions(asked.project, FOLD, data))
    columns = ("fit", "all items", "new items", "in common, all", "new", "wall s")
    print_table("ALS", columns, als_rows(data, work))
    trees = ("fit", "NDCG@10 of held-out queries", "in common", "trees", "wall s")
    print_table("Trees", trees, tree_rows(asked.project, data, work, asked.users))


def als_rows(data: Dataset, work: Task) -> list[tuple[str, ...]]:
    """Two seeds here, one there; what is in common is with the first."""
    rows, first = [], None
    for name, seed, engine in (("here", 7, None), ("here, another seed", 8, None), ("Spark", 7, SPARK)):
        model, started = Als(), time.perf_counter()
        model.engine = engine
        model.fit(data, rng.stream(seed, "train", "als", FOLD))
        took = time.perf_counter() - started
        found = ranked_lists(lambda block, of=model: lists(of.score(block), block), work.histories)
        first = first or found
        gains = [np.nanmean(measure(found[v], work.relevant[v], work.n_items).per_user["ndcg"]) for v in (ALL, NEW)]
        same = [in_common(found[view], first[view]) for view in (ALL, NEW)]
        rows.append((name, *(f"{x:.4f}" for x in gains), *(f"{x:.2f}" for x in same), f"{took:.0f}"))
    return rows


def tree_rows(root: Path, data: Dataset, work: Task, users: int) -> list[tuple[str, ...]]:
    """The same table of candidates, grown here with two seeds and there with one."""
    some = work.take(np.sort(np.random.default_rng(0).permutation(len(work.histories))[:users]))
    hybrid = untrained_hybrid(root, FOLD, data, MODELS, 50, RetrievalConfig())
    config = RankConfig(candidates=MODELS, negatives_per_user=100)
    table = training_table(hybrid, some.histories, some.relevant[ALL], config, rng.stream(1, "table"))
    held_out = held_out_queries(table.groups, 0.3, rng.stream(1, "held out"))
    rows, first = [], None
    for name, seed, engine in (("here", 1, None), ("here, another seed", 2, None), ("Spark", 1, SPARK)):
        ranker, started = (
            Lambdamart(LambdamartConfig(trees=200, patience=40, learning_rate=0.07, max_depth=6)),
            time.time(),
        )
        ranker.engine = engine
        ranker.fit(table.features, table.labels, table.groups, held_out, table.names, seed)
        took = time.time() - started
        found = best_of_queries(ranker, table, held_out)
        first = first if first is not None else found
        same, grown = in_common(found, first), ranker.trees
        rows.append((name, f"{max(ranker.curve):.4f}", f"{same:.2f}", str(grown), f"{took:.0f}"))
    return rows


def best_of_queries(ranker: Lambdamart, table: Table, held_out: np.ndarray) -> np.ndarray:
    """int (queries, 10), the rows of each held-out query's best pairs."""
    scores, groups = ranker.predict(table.features[held_out]), table.groups[held_out]
    order = np.lexsort((-scores, groups))
    starts = np.searchsorted(groups[order], np.unique(groups))
    long = np.diff(np.append(starts, len(order))) >= 10
    return np.stack([order[start : start + 10] for start in starts[long]])


def in_common(one: np.ndarray, other: np.ndarray) -> float:
    """Mean share of a list's items that the other list holds too."""
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(one.tolist(), other.tolist(), strict=True)]))


if __name__ == "__main__":
    main()
