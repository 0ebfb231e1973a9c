"""A shop of any size that went through the real steps, with a release: what loads are measured on."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core import layout
from components.core import schema as s
from components.release.assemble import assemble
from tests.conftest import decide

START = np.datetime64("2024-01-01T00:00:00", "us")
DAYS = 90
CATEGORIES = 40
LOYAL = 0.5  # of a user's lines, to the favourite category
RANKER = {
    "candidates": ["popularity", "household_recency", "item_knn"],
    "candidates_per_model": 70,  # about 200 in all
    "negatives_per_user": 20,
    "lambdamart": {"trees": 100, "threads": 1},
}


def build(root, items, users=2_000, lines_per_user=60, seed=1, vectors=False):
    """Write the shop and its release under `root`; returns the release's folder.

    vectors  ALS with 64 numbers an item is among the candidate models
    """
    _write(root, items, users, lines_per_user, np.random.default_rng(seed))
    _run_steps(root, seed, vectors)
    decide(root)
    assemble(root, "shop", {"data_digest": "synthetic"})
    return root / layout.RELEASE


def _write(root, items, users, lines_per_user, rng):
    """Every item is bought; users have a favourite category, and popularity falls as a power."""
    lines = users * lines_per_user
    user = np.repeat(np.arange(users), lines_per_user)
    item = (items * rng.random(lines) ** 3).astype(int)
    item[: 4 * items] = np.tile(np.arange(items), 4)[:lines]
    rng.shuffle(item)
    favourite = rng.integers(0, CATEGORIES, users)[user]
    loyal = rng.random(lines) < LOYAL
    item[loyal] = (item // CATEGORIES * CATEGORIES + favourite)[loyal].clip(max=items - 1)
    seconds = rng.integers(0, DAYS * 86_400, lines)
    columns = {
        s.USER_ID: pa.array([f"u{u:02}" for u in user]),
        s.ITEM_ID: pa.array([f"i{i:06}" for i in item]),
        s.EVENT_TYPE: pa.array(["purchase"] * lines),
        s.TIMESTAMP: pa.array(START + seconds.astype("timedelta64[s]").astype("timedelta64[us]")),
        s.VALUE: pa.array(1 + (item % 90) / 10),
        s.QUANTITY: pa.array(np.ones(lines)),
        s.SESSION_ID: pa.array([f"{u}-{t // 86_400}" for u, t in zip(user, seconds, strict=True)]),
        s.INTERACTIONS[7]: pa.array(["s1"] * lines),
        s.DISCOUNT: pa.array(np.zeros(lines)),
        s.COUPON_DISCOUNT: pa.array(np.zeros(lines)),
    }
    clean = root / layout.CLEAN
    clean.mkdir(parents=True)
    pq.write_table(pa.table(columns), clean / "interactions.parquet")
    pq.write_table(_items(items), clean / "items.parquet")
    week = {s.ITEM_ID: ["i000000"], s.WEEK_START: [datetime(2024, 1, 1) + timedelta(0)]}  # noqa: DTZ001 - UTC
    pq.write_table(pa.table(week | {s.DISPLAY_SHARE: [0.5], s.MAILER_SHARE: [0.5]}), clean / "promotions.parquet")


def _items(items):
    number = np.arange(items)
    return pa.table(
        {
            s.ITEM_ID: [f"i{i:06}" for i in number],
            s.TITLE: [f"thing {i % 997} of kind {i % CATEGORIES}" for i in number],
            s.DEPARTMENT: [f"department {i % 8}" for i in number],
            s.CATEGORY: [f"category {i % CATEGORIES}" for i in number],
            s.SUBCATEGORY: [f"part {i % 200}" for i in number],
            s.BRAND: ["National" if i % 2 else "Private" for i in number],
            s.MANUFACTURER_ID: [str(i % 50) for i in number],
            s.PACKAGE_SIZE: ["1"] * items,
        }
    )


def _run_steps(root, seed, vectors):
    from components.ranking.training import RankConfig
    from components.splits.methods.temporal import TemporalConfig
    from components.steps.featurize import FeaturizeConfig, featurize
    from components.steps.rank import rank
    from components.steps.reduce import ReduceConfig, reduce
    from components.steps.split import split
    from components.steps.train import TrainConfig, train

    split(TemporalConfig(min_users_per_item=1, min_items_per_user=2), root, seed)
    featurize(FeaturizeConfig(), root, seed)
    reduce(ReduceConfig(params={"embedding_size": 8}), root, seed)
    models = {"popularity": "popularity", "household_recency": "household", "item_knn": "item_knn"}
    for name, component in (models | ({"als": "als"} if vectors else {})).items():
        train(TrainConfig(name=name, component=component), root, seed)
    candidates = RANKER["candidates"] + ["als"] * vectors
    rank(RankConfig.model_validate(RANKER | {"candidates": candidates}), root, seed)
