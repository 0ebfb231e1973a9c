"""Lists over a million items × 64 against 50,000: the median of an answer, and the recall of the index.

python -m tests.load.catalogue_size [--small 50000] [--large 1000000] [--asked 300] [--anyway]

In process, one thread, both catalogues in turns: candidates of four models, features, 100 trees; what HTTP adds is
the same for both. The models' numbers are drawn: items lie in clusters with lengths as uneven as popularity, and people
buy from a few clusters. One ranker, fitted on the small catalogue, ranks both.
"""

import argparse
import time

import numpy as np
import scipy.sparse as sp

from components.cf.als import Als
from components.cf.household import Household
from components.cf.item_knn import ItemKnn
from components.cf.popularity import Popularity
from components.core.dataset import DAY_S, Histories
from components.core.vocabulary import Vocabulary
from components.features.history import Groups
from components.ranking.context import Context
from components.ranking.hybrid import Hybrid
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.ranking.training import RankConfig, held_out_queries, training_table
from components.retrieval.retrieval import Retrieval, RetrievalConfig
from tests.load.lines import Line, told
from tests.load.machine import others, quiet, words

TIMES_P50, RECALL = 3.0, 0.95
SIZE, CLUSTERS, USERS, EVENTS, NEIGHBOURS, TOPICS = 64, 500, 600, 60, 30, 32
NOW, ROUNDS = 90 * DAY_S, 5
PER_MODEL = 70  # about 200 candidates in all


def drawn(n_items, seed=1):
    """A hybrid without a ranker over so many items, and the histories of its users."""
    draw = np.random.default_rng(seed)
    items = Vocabulary(np.char.add("i", np.char.zfill(np.arange(n_items).astype(np.str_), 7)))
    users = Vocabulary(np.char.add("u", np.char.zfill(np.arange(USERS).astype(np.str_), 4)))
    cluster = draw.integers(CLUSTERS, size=n_items)
    weight = draw.pareto(2, n_items).astype(np.float32).clip(max=6) + 0.3
    histories = _histories(draw, cluster)
    falling = (1 / np.sqrt(1 + np.arange(SIZE) / 8)).astype(np.float32)
    centres = draw.standard_normal((CLUSTERS, SIZE)).astype(np.float32)
    vectors = (centres[cluster] + 0.7 * draw.standard_normal((n_items, SIZE), dtype=np.float32)) * falling
    models = {
        "popularity": _restored(Popularity(), items, {"popularity": weight / weight.max()}),
        "household": _restored(Household(), items, {}),
        "item_knn": _restored(ItemKnn(), items, _neighbours(draw, cluster)),
        "als": _restored(Als(Als.Config(embedding_size=SIZE)), items, {"item_factors": vectors * weight[:, None]}),
    }
    context = Context(
        items, users, ["price"], draw.random((n_items, 1), dtype=np.float32), ["user_price"],
        np.ones((USERS + 1, 1), np.float32), vectors[:, :TOPICS].copy(), [Groups("category", cluster.astype(np.int32))],
    )  # fmt: skip
    began = time.perf_counter()
    retrieval = Retrieval.make(models, histories, RetrievalConfig(), np.random.default_rng(seed))
    if retrieval.listed:
        print(f"{n_items:,} items: indexed in {time.perf_counter() - began:.0f} s", flush=True)
    return Hybrid(models, context, None, PER_MODEL, retrieval), histories


def _histories(draw, cluster):
    by_cluster = np.argsort(cluster, kind="stable")
    ends = np.searchsorted(cluster[by_cluster], np.arange(CLUSTERS + 1))
    items, times = [], []
    for _ in range(USERS):
        own = draw.choice(CLUSTERS, 3, replace=False)[draw.integers(3, size=EVENTS)]
        items.append(by_cluster[(ends[own] + draw.random(EVENTS) * (ends[own + 1] - ends[own])).astype(int)])
        times.append(np.sort(draw.integers(0, NOW, EVENTS)))
    found = Histories.of(items, times, NOW)
    return Histories(found.indptr, found.items, found.times, NOW, np.arange(USERS, dtype=np.int32))


def _neighbours(draw, cluster):
    """Every item's are drawn from its own cluster."""
    n = len(cluster)
    by_cluster = np.argsort(cluster, kind="stable")
    place = np.empty(n, dtype=np.int64)
    place[by_cluster] = np.arange(n)
    near = by_cluster[(place[:, None] + draw.integers(-40, 41, (n, NEIGHBOURS))) % n]
    strength = draw.random(n * NEIGHBOURS, dtype=np.float32)
    similar = sp.csr_matrix((strength, near.ravel(), np.arange(0, n * NEIGHBOURS + 1, NEIGHBOURS)), shape=(n, n))
    similar.sum_duplicates()
    return {f"similar.{part}": getattr(similar, part) for part in ("data", "indices", "indptr")} | {
        "similar.shape": np.array(similar.shape)
    }


def _restored(model, items, arrays):
    model.items = items
    if "similar.data" in arrays:
        parts = (arrays[f"similar.{name}"] for name in ("data", "indices", "indptr"))
        model.similar = sp.csr_matrix(tuple(parts), shape=tuple(arrays["similar.shape"]))
    else:
        model.restore(arrays)
    return model


def ranker(hybrid, histories):
    """Fitted on what users buy again: enough for trees of the usual kind."""
    bought = histories.matrix(len(hybrid.items), binary=True)
    config = RankConfig(candidates=list(hybrid.models), candidates_per_model=PER_MODEL)
    table = training_table(hybrid, histories, bought, config, np.random.default_rng(2))
    held_out = held_out_queries(table.groups, 0.2, np.random.default_rng(3))
    fitted = Lambdamart(LambdamartConfig(trees=100, threads=1))
    fitted.fit(table.features, table.labels, table.groups, held_out, table.names, 1)
    fitted.normalization = hybrid.context.normalizer.digest
    return fitted


def seconds(hybrid, histories, rows):
    """Of every user's list."""
    taken = []
    for row in rows:
        began = time.perf_counter()
        hybrid.lists(histories.take([row]), 10)
        taken.append(time.perf_counter() - began)
    return taken


def lines_of(first_ms, second_ms, checked):
    """Figures and their lines. checked: what each index's recall was held to when it was made, by model."""
    p50 = Line("p50 over the large catalogue against the small", second_ms / first_ms, TIMES_P50, " ×")
    return [p50, *(Line(f"recall@100 of {name}'s index", kept.recall, RECALL, least=True) for name, kept in checked)]


def main():
    """Print the row; returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--small", type=int, default=50_000)
    options.add_argument("--large", type=int, default=1_000_000)
    options.add_argument("--asked", type=int, default=300)
    options.add_argument("--anyway", action="store_true")
    asked = options.parse_args()
    small, large = drawn(asked.small), drawn(asked.large)
    small[0].ranker = large[0].ranker = ranker(*small)
    quiet()
    taken = [[], []]
    for number in range(ROUNDS):
        rows = np.random.default_rng(number).choice(USERS, asked.asked // ROUNDS, replace=False)
        for of, shop in zip(taken, (small, large), strict=True):
            of += seconds(*shop, rows)
    first, second = (1000 * float(np.median(of)) for of in taken)
    print(f"p50 {first:.1f} ms over {asked.small:,} items, {second:.1f} ms over {asked.large:,}")
    checked = large[0].retrieval.checked.items()
    for name, kept in checked:
        print(f"{name}'s index: {kept.probed} of {kept.lists} lists, {kept.judges} users")
    print(f"afterwards: {words(others())}")
    return told(lines_of(first, second, checked))


if __name__ == "__main__":
    raise SystemExit(main())
