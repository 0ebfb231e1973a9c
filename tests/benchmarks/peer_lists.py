"""Lists of the library implicit on a benchmark's own fold: `python -m tests.benchmarks.peer_lists --data FILE`.

Its ALS, BPR and item-kNN, their options searched on the validation fold (the same number of trials for each, drawn from
the ranges below), then fitted on the test fold's history. The files go into a table of ours by

    shoploop benchmark --data FILE --protocol … --lists OUT/implicit_als.parquet=implicit_als …

with the same data, protocol and density options: its lists are measured by the same code on the same users.
"""

from __future__ import annotations

from components.core import environment

environment.prepare()  # before numpy and implicit are there: with two threads of OpenBLAS ALS takes ten times as long

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import scipy.sparse as sp

from components.benchmark import material as materials
from components.benchmark.entrant import TopK
from components.benchmark.lists import write_lists
from components.benchmark.protocols import DENSITY_OPTIONS, Question, prepare, question, splitter
from components.core import layout
from components.core.ranking import NEW
from components.evaluation.protocol import measure
from tests.benchmarks.tables import print_table

K = 10
Draw = np.random.Generator
Options = dict[str, Any]


def _log(draw: Draw, low: float, high: float) -> float:
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def als_options(draw: Draw) -> Options:
    """Implicit feedback ALS (Hu, Koren & Volinsky 2008)."""
    return {
        "factors": int(draw.choice([64, 128, 256])),
        "regularization": _log(draw, 0.01, 200),
        "alpha": _log(draw, 1, 200),
        "iterations": int(draw.choice([5, 10, 20])),
    }


def bpr_options(draw: Draw) -> Options:
    """Bayesian personalised ranking (Rendle et al. 2009)."""
    return {
        "factors": int(draw.choice([64, 128])),
        "learning_rate": _log(draw, 0.01, 0.2),
        "regularization": _log(draw, 0.0001, 0.1),
        "iterations": int(draw.choice([50, 100, 200])),
    }


def knn_options(draw: Draw) -> Options:
    """Item-kNN; K1 and B are of BM25 alone."""
    return {
        "weighting": str(draw.choice(["cosine", "tfidf", "bm25"])),
        "K": int(draw.choice([50, 100, 200, 400])),
        "K1": _log(draw, 0.2, 5),
        "B": float(draw.uniform(0, 1)),
    }


def als(options: Options, seed: int) -> Any:
    """implicit's, one thread."""
    from implicit.cpu.als import AlternatingLeastSquares

    return AlternatingLeastSquares(**options, num_threads=1, random_state=seed)


def bpr(options: Options, seed: int) -> Any:
    """implicit's, one thread."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    return BayesianPersonalizedRanking(**options, num_threads=1, random_state=seed)


def knn(options: Options, _: int) -> Any:
    """implicit's, one thread."""
    from implicit import nearest_neighbours as peers

    if options["weighting"] == "bm25":
        return peers.BM25Recommender(options["K"], K1=options["K1"], B=options["B"], num_threads=1)
    cls = peers.CosineRecommender if options["weighting"] == "cosine" else peers.TFIDFRecommender
    return cls(options["K"], num_threads=1)


PEERS: dict[str, tuple[Callable[[Options, int], Any], Callable[[Draw], Options]]] = {
    "implicit_als": (als, als_options),
    "implicit_bpr": (bpr, bpr_options),
    "implicit_item_knn": (knn, knn_options),
}


def lists_of(model: Any, asked: Question) -> TopK:
    """Fit on the fold's history, and the ten best items that each asked user did not have."""
    bought = sp.csr_matrix(asked.data.histories.matrix(len(asked.data.items)))
    model.fit(bought, show_progress=False)
    users = asked.task.histories.users
    items, scores = model.recommend(users, bought[users], N=K, filter_already_liked_items=True)
    items = np.where((items >= 0) & (scores > np.finfo(np.float32).min / 2), items, -1).astype(np.int32)
    return TopK(items, np.where(items >= 0, scores, 0).astype(np.float32))


def ndcg(lists: TopK, asked: Question) -> float:
    """Mean NDCG@10 on items new to the user."""
    measured = measure(lists.items, asked.task.relevant[NEW], len(asked.data.items), K)
    return float(np.nanmean(measured.per_user["ndcg"]))


def searched(name: str, asked: Question, trials: int, seed: int) -> tuple[Options, float]:
    """The best of the trials on the validation fold, and its NDCG@10."""
    make, options_of = PEERS[name]
    draw = np.random.default_rng([seed, len(name)])
    tried = [options_of(draw) for _ in range(trials)]
    found = [ndcg(lists_of(make(options, seed), asked), asked) for options in tried]
    best = int(np.argmax(found))
    return tried[best], found[best]


@click.command()
@click.option("--data", "path", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--protocol", default="leave-last-out", show_default=True)
@click.option("--trials", default=12, show_default=True, type=click.IntRange(1), help="Of options, for every peer.")
@click.option("--seed", default=7, show_default=True)
@click.option("--min-users-per-item", type=click.IntRange(1))
@click.option("--min-items-per-user", type=click.IntRange(1))
@click.option("--out", default="peer_lists", show_default=True, type=click.Path(path_type=Path))
def main(path: Path, protocol: str, trials: int, seed: int, out: Path, **density: int | None) -> None:
    """Search, fit and write the lists, with the options that were chosen."""
    from threadpoolctl import threadpool_limits

    material = materials.recognise(path)
    given = {name: density[name] for name in DENSITY_OPTIONS if density[name] is not None}
    folder = prepare(material, splitter(protocol, material, given), out / ".work")
    validation, test = (question(folder, fold) for fold in (layout.VALIDATION_FOLD, layout.TEST_FOLD))
    rows, chosen = [], {}
    with threadpool_limits(1):
        for name, (make, _) in PEERS.items():
            started = time.process_time()
            options, gain = searched(name, validation, trials, seed)
            lists = lists_of(make(options, seed), test)
            write_lists(out / f"{name}.parquet", lists, test.task.user_ids, test.data.items)
            chosen[name] = options
            words = ", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                              for key, value in options.items())  # fmt: skip
            rows.append(
                (name, f"{gain:.4f}", f"{ndcg(lists, test):.4f}", f"{time.process_time() - started:.0f}", words)
            )
    (out / "options.json").write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")
    columns = ("peer", "validation NDCG@10", "test NDCG@10", "CPU s", "options chosen")
    print_table(f"implicit on {material.name}, {protocol}, {trials} trials each", columns, rows)


if __name__ == "__main__":
    main()
