"""Fits on Spark beside fits on this machine: same component, same bundle, lists alike within a stated tolerance.

Neither is equal bit for bit: two seeds of one machine differ too, and the tolerance is about what they differ by.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

from components.cf.als import Als, AlsConfig
from components.core import rng
from components.core.dataset import Dataset
from components.core.model import load
from components.data.engine import EngineConfig
from components.evaluation.protocol import measure
from components.ranking.lambdamart import Lambdamart, LambdamartConfig

pytest.importorskip("pyspark")
NO_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")
pytestmark = [pytest.mark.slow, NO_JAVA]

SPARK = EngineConfig(component="spark", master="local[2]", memory_limit_gb=1, conf={"spark.sql.shuffle.partitions": 4})
USERS, ITEMS, GROUPS = 300, 80, 4
LARGEST_LOSS, LEAST_OVERLAP = 0.03, 0.7  # of NDCG@10, and of the lists of ten

SHALLOW = """
import sys
from pathlib import Path
import scipy.sparse as sp
from components.cf._als_on_spark import item_factors
from components.cf.als import AlsConfig
from components.data.engine import EngineConfig

folder = Path(sys.argv[1])
conf = {"spark.driver.extraJavaOptions": "-Xss1m", "spark.sql.shuffle.partitions": 4}
spark = EngineConfig(component="spark", master="local[2]", memory_limit_gb=1, conf=conf)
config = AlsConfig(embedding_size=8, epochs=20)
print(item_factors(sp.load_npz(folder / "extra.npz"), config, spark, folder, 3).shape)
"""


@pytest.fixture(scope="module")
def shop() -> tuple[Dataset, sp.csr_matrix]:
    """A user buys from one group of twenty items, now and then from another; and what of the group is bought later."""
    draw = np.random.default_rng(3)
    user = np.repeat(np.arange(USERS), 12)
    group = np.where(draw.random(len(user)) < 0.9, user % GROUPS, draw.integers(GROUPS, size=len(user)))
    item = group * (ITEMS // GROUPS) + np.minimum(draw.geometric(0.12, len(user)) - 1, ITEMS // GROUPS - 1)
    later = draw.random(len(user)) < 0.25
    names = [np.char.mod("%03d", of[~later]) for of in (user, item)]
    data = Dataset.from_events(*names, np.arange((~later).sum()), int((~later).sum()))
    rows = data.users.encode(np.char.mod("%03d", user[later]))
    items = data.items.encode(np.char.mod("%03d", item[later]))
    known = (rows >= 0) & (items >= 0)
    bought = sp.csr_matrix(
        (np.ones(known.sum(), np.float32), (rows[known], items[known])), shape=(len(data.users), len(data.items))
    )
    bought.data[:] = 1
    return data, bought


def test_als_on_spark_recommends_what_als_does_here_and_its_bundle_needs_no_spark(shop, tmp_path):
    data, bought = shop
    config = AlsConfig(embedding_size=8, regularization=1.0, half_life_days=None)
    here, there = (Als(config) for _ in range(2))
    there.engine, there.journal_folder = SPARK, tmp_path / "work"
    for model in (here, there):
        model.fit(data, rng.stream(1, "als"))
    there.save(tmp_path / "bundle")
    lists = [model.recommend(data.histories, 10, exclude_seen=True) for model in (here, load(tmp_path / "bundle"))]
    gains = [np.nanmean(measure(ranked, bought, len(data.items)).per_user["ndcg"]) for ranked in lists]
    overlap = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*lists, strict=True)])
    assert gains[0] > 0.2
    assert gains[1] == pytest.approx(gains[0], abs=LARGEST_LOSS)
    assert overlap >= LEAST_OVERLAP
    assert not any((tmp_path / "work").iterdir())


def test_als_on_spark_fits_with_the_stacks_that_a_jvm_has_by_itself(shop, tmp_path):
    """In a process of its own, for the JVM that a process starts first keeps its stacks."""
    sp.save_npz(tmp_path / "extra.npz", shop[0].histories.matrix(ITEMS))
    done = subprocess.run(
        [sys.executable, "-c", SHALLOW, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.strip() == f"({ITEMS}, 8)", done.stderr[-2000:]


def test_trees_grown_on_spark_order_as_those_grown_here(tmp_path):
    draw = np.random.default_rng(4)
    queries, candidates = 400, 30
    groups = np.repeat(np.arange(queries), candidates)
    features = draw.normal(size=(len(groups), 5)).astype(np.float32)
    features[draw.random(features.shape) < 0.05] = np.nan  # a missing value stays one on the way
    worth = np.nan_to_num(features[:, 0]) - np.abs(np.nan_to_num(features[:, 1]))
    labels = (worth + 0.3 * draw.normal(size=len(groups)) > 1).astype(np.int8)
    held_out = groups % 5 == 0
    names = ["score.als", "rank.als", "price", "age_days", "bought"]
    found = {}
    for name, engine in (("here", None), ("spark", SPARK)):
        ranker = Lambdamart(LambdamartConfig(trees=60, patience=20, max_depth=4))
        ranker.engine, ranker.work_folder = engine, tmp_path / "work"
        ranker.fit(features, labels, groups, held_out, names, 1)
        ranker.save(tmp_path / name)
        found[name] = Lambdamart.load(tmp_path / name)
    asked = held_out.reshape(queries, candidates)[:, 0]
    scores = {name: ranker.predict(features).reshape(queries, candidates)[asked] for name, ranker in found.items()}
    first = {name: np.argsort(-of, axis=1)[:, :10] for name, of in scores.items()}
    overlap = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(first["here"], first["spark"], strict=True)])
    best = {name: max(ranker.curve) for name, ranker in found.items()}
    assert best["here"] > 0.7
    assert best["spark"] == pytest.approx(best["here"], abs=LARGEST_LOSS)
    assert overlap >= LEAST_OVERLAP
    assert found["spark"].boosters[0].feature_names == names
    assert next(iter(found["spark"].importance())) in names[:2]
