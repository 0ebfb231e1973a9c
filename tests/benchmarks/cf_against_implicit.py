"""What fitting and asking cost beside implicit's own: `python -m tests.benchmarks.cf_against_implicit [--data FILE]`.

CPU seconds of one thread, the best of several rounds in which both take turns, and their ratio. FILE holds lines
`user item item …`; without it the data are drawn, with popular and rare items as shops have them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from components.cf.als import Als, AlsConfig
from components.cf.bpr import Bpr, BprConfig
from components.cf.item_knn import ItemKnn, ItemKnnConfig
from components.core.dataset import DAY_S, Dataset
from components.core.ranking import exclude, top_k
from components.core.rng import stream

K = 10
SIZE, EPOCHS, NEIGHBOURS = 64, 10, 100
USERS, ITEMS, EVENTS = 20_000, 12_000, 200_000  # of drawn data


def drawn() -> Dataset:
    """Users of log-normal activity buying items of Zipf popularity."""
    draw = np.random.default_rng(0)
    users = np.arange(EVENTS) % USERS
    users[USERS * 5 :] = draw.choice(USERS, EVENTS - USERS * 5, p=_shares(draw.lognormal(0, 1, USERS)))
    items = draw.choice(ITEMS, EVENTS, p=_shares(1 / (np.arange(ITEMS) + 20)))
    return _dataset(users.astype(np.str_), items.astype(np.str_))


def read(path: Path) -> Dataset:
    """Lines `user item item …`."""
    lines = [line.split() for line in path.read_text().splitlines()]
    users = np.repeat([line[0] for line in lines], [len(line) - 1 for line in lines])
    return _dataset(users, np.array([item for line in lines for item in line[1:]]))


def _dataset(users: np.ndarray, items: np.ndarray) -> Dataset:
    return Dataset.from_events(users, items, np.arange(len(users)) * 60, len(users) * 60 + DAY_S)


def _shares(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()


def in_turns(rounds: int, *tasks: Callable[[], object]) -> list[float]:
    """Least CPU seconds of each task over the rounds."""
    best = [np.inf] * len(tasks)
    for _ in range(rounds):
        for at, task in enumerate(tasks):
            started = time.process_time()
            task()
            best[at] = min(best[at], time.process_time() - started)
    return best


def fits(data: Dataset) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Name → our fit and implicit's, of the same size on the same matrix."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.cpu.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender

    matrix = data.histories.matrix(len(data.items))
    same = {"num_threads": 1}
    ridge = AlsConfig().regularization
    als, bpr = Als(AlsConfig(embedding_size=SIZE, epochs=EPOCHS)), Bpr(BprConfig(embedding_size=SIZE, epochs=EPOCHS))
    als.items = data.items
    weighted = als._extra_confidence(data.histories)
    weighted.data += 1  # the same confidences for both: implicit is quicker where all are 1
    bm25, cosine = (ItemKnn(ItemKnnConfig(weighting=w, neighbours=NEIGHBOURS)) for w in ("bm25", "cosine"))
    theirs = {
        "ALS": lambda: AlternatingLeastSquares(SIZE, regularization=ridge, iterations=EPOCHS, **same).fit(
            weighted, show_progress=False
        ),
        "BPR": lambda: BayesianPersonalizedRanking(SIZE, iterations=EPOCHS, **same).fit(matrix, show_progress=False),
        "item-kNN, BM25": lambda: BM25Recommender(NEIGHBOURS, **same).fit(matrix, show_progress=False),
        "item-kNN, cosine": lambda: CosineRecommender(NEIGHBOURS, **same).fit(matrix, show_progress=False),
    }
    ours = (als, bpr, bm25, cosine)
    return {
        name: (lambda model=model: model.fit(data, stream(0, "benchmark")), fit)
        for (name, fit), model in zip(theirs.items(), ours, strict=True)
    }


def answers(data: Dataset) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Name → our top-10 for all users and implicit's, on the same factors; seen items left out."""
    from implicit.cpu.als import AlternatingLeastSquares

    matrix, users = data.histories.matrix(len(data.items)), np.arange(len(data.users))
    model = Als(AlsConfig(embedding_size=SIZE, epochs=2)).fit(data, stream(0, "benchmark"))
    theirs = AlternatingLeastSquares(SIZE, num_threads=1, regularization=model.config.regularization)
    theirs.item_factors, theirs.user_factors = model.item_factors, model.embed_users(data.histories)

    def from_vectors() -> None:
        for start in range(0, len(users), 256):
            part = users[start : start + 256]
            scores = theirs.user_factors[part] @ model.item_factors.T
            top_k(exclude(scores, data.histories.take(part), seen=True), K)

    def from_histories() -> None:
        for block in data.histories.blocks():
            model.recommend(block, K, exclude_seen=True)

    weighted = model._extra_confidence(data.histories)
    weighted.data += 1
    return {
        "top-10 of given user vectors": (from_vectors, lambda: theirs.recommend(users, matrix, N=K)),
        "top-10 with users folded in": (
            from_histories,
            lambda: theirs.recommend(users, weighted, N=K, recalculate_user=True),
        ),
    }


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="Lines `user item item …`.")
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True)
def main(data: Path | None, rounds: int) -> None:
    """CPU seconds of ours and of implicit, and their ratio."""
    from threadpoolctl import threadpool_limits

    events = read(data) if data else drawn()
    size = f"{len(events.users):,} users, {len(events.items):,} items, {len(events.histories.items):,} events"
    out = Table("task", "ours, CPU s", "implicit, CPU s", "ratio", "users per CPU s", title=size)
    with threadpool_limits(1):
        for name, pair in fits(events).items():
            ours, theirs = in_turns(rounds, *pair)
            out.add_row(f"fit {name}", f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}", "")
        for name, pair in answers(events).items():
            ours, theirs = in_turns(rounds, *pair)
            speed = f"{len(events.users) / ours:,.0f} / {len(events.users) / theirs:,.0f}"
            out.add_row(name, f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}", speed)
    Console(width=110).print(out)


if __name__ == "__main__":
    main()
