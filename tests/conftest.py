"""A small shop that went through the real steps, shared by the tests of releases, registration and the service."""

from components.core import environment

environment.prepare()  # as every entry point does, before numpy is there

import os
import shutil
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from components.core import bundle, layout
from components.core import schema as s

# Spark's JVM lives for seconds here: half of its CPU time would go into compiling code that hardly runs.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
settings.register_profile("shoploop", deadline=None, derandomize=True)  # the same cases on every machine, untimed
settings.load_profile("shoploop")

ITEMS, USERS, BASKETS = 60, 96, 30
START = datetime(2024, 1, 1)  # noqa: DTZ001 - canonical times are UTC without a zone
CATEGORIES = ("cheese", "bread", "tea")
RANKER = {
    "candidates": ["popularity", "household_recency", "item_knn"],
    "candidates_per_model": 10,
    "negatives_per_user": 20,
    "held_out_share": 0.5,  # so that enough of what was bought is held out for probabilities to be told
    "lambdamart": {"trees": 10, "threads": 1},
}


def write_shop(root, seed):
    """Canonical tables of a shop in which user u buys mostly items of category u % 3, item i costs 1 + i / 10."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(USERS):
        for basket in range(BASKETS):
            at = START + timedelta(days=3 * basket, seconds=user)
            favourites = (3 * rng.zipf(1.6, size=3) + user % 3) % ITEMS
            basket_id = f"{user}-{basket}"
            rows += [
                (f"u{user:02}", f"i{item:02}", "purchase", at, 1 + item / 10, 1.0, basket_id, "s1")
                for item in {*favourites.tolist(), int(rng.integers(ITEMS))}
            ]
    columns = dict(zip(s.INTERACTIONS[:8], zip(*rows, strict=True), strict=True))
    columns |= {s.DISCOUNT: [0.0] * len(rows), s.COUPON_DISCOUNT: [0.0] * len(rows)}
    ids = [f"i{i:02}" for i in range(ITEMS)]
    kinds = [CATEGORIES[i % 3] for i in range(ITEMS)]
    items = {
        s.ITEM_ID: ids,
        s.TITLE: [f"{kind} {i}" for i, kind in enumerate(kinds)],
        s.DEPARTMENT: ["food"] * ITEMS,
        s.CATEGORY: kinds,
        s.SUBCATEGORY: [f"{kind} {i % 2}" for i, kind in enumerate(kinds)],
        s.BRAND: ["National" if i % 2 else "Private" for i in range(ITEMS)],
        s.MANUFACTURER_ID: [str(i % 5) for i in range(ITEMS)],
        s.PACKAGE_SIZE: ["1"] * ITEMS,
    }
    promotions = {s.ITEM_ID: ["i00"], s.WEEK_START: [START], s.DISPLAY_SHARE: [0.5], s.MAILER_SHARE: [0.5]}
    clean = root / layout.CLEAN
    clean.mkdir(parents=True)
    for name, table in (("interactions", columns), ("items", items), ("promotions", promotions)):
        pq.write_table(pa.table({key: list(values) for key, values in table.items()}), clean / f"{name}.parquet")


def run_steps(root, seed, **splitting):
    """The real steps from the split to the ranker, with small sizes; splitting: more options of the split."""
    from components.ranking.training import RankConfig
    from components.splits.methods.temporal import TemporalConfig
    from components.steps.featurize import FeaturizeConfig, featurize
    from components.steps.rank import rank
    from components.steps.reduce import ReduceConfig, reduce
    from components.steps.split import split
    from components.steps.train import TrainConfig, train

    split(TemporalConfig(min_users_per_item=2, min_items_per_user=2, **splitting), root, seed)
    featurize(FeaturizeConfig(), root, seed)
    reduce(ReduceConfig(params={"embedding_size": 4}), root, seed)
    for name, component in (
        ("popularity", "popularity"),
        ("household_recency", "household"),
        ("item_knn", "item_knn"),
    ):
        train(TrainConfig(name=name, component=component), root, seed)
    rank(RankConfig.model_validate(RANKER), root, seed)


def decide(root, *, passed=True, first=True):
    """What the gate step writes."""
    gates = {"coverage": {"passed": passed, "reason": "lists show 40 % of the catalogue"}}
    decision = {"passed": passed, "first_release": first, "gates": gates, "reasons": ["coverage: as it is"]}
    bundle.write_json(root / layout.DECISION / "decision.json", decision)
    write_reports(root)


def judge_anew(root):
    """The decision becomes one against whoever is champion now, as the gate step makes it."""
    from components.tracking.registry import CHAMPION, ModelRegistry

    path = root / layout.DECISION / "decision.json"
    champion = ModelRegistry(root=root).aliases().get(CHAMPION)
    bundle.write_json(path, bundle.read_json(path) | {"champion": champion, "first_release": champion is None})


def write_reports(root):
    """What the steps before the gate write, as far as the model card tells of it."""
    cell = {"mean": 0.2, "low": 0.1, "high": 0.3}
    figures = {f"{metric}_at_10": cell for metric in ("ndcg", "recall", "mrr", "hit_rate", "coverage")}
    evaluation = {
        "fold": "test",
        "cutoff_time": "2024-03-01 00:00 UTC",
        "users": 40,
        "counted": {"all": 40, "new": 30},
        "target_outside_share": 0.05,
        "target_unknown_users": 2,
        "models": {name: {"all": figures, "new": figures} for name in ("ranker", "popularity")},
        "slice_baseline": "popularity",
        "slices": {"few events (up to 60)": {"users": 20, "ranker": cell, "baseline": cell}},
        "split": {"method": "temporal", "leaks": "nothing", "one_cutoff": True},
    }
    bundle.write_json(root / layout.EVALUATION / "report.json", evaluation)
    bundle.write_json(root / layout.ROBUSTNESS / "report.json", {"passed": True, "reasons": ["event noise: loses 4 %"]})
    bundle.write_json(
        root / layout.QUALITY / "report.json", {"accepted": True, "headline": "Accepted: all rules held."}
    )


@pytest.fixture(scope="session")
def trained_shop(tmp_path_factory):
    """A project folder that is ready to be registered; do not change it, copy it."""
    root = tmp_path_factory.mktemp("shop")
    write_shop(root, 1)
    run_steps(root, 1)
    decide(root)
    return root


@pytest.fixture(scope="session")
def other_shop(tmp_path_factory):
    """The same shop with other purchases, so that its release differs."""
    root = tmp_path_factory.mktemp("other")
    write_shop(root, 2)
    run_steps(root, 2)
    decide(root, first=False)
    return root


@pytest.fixture
def shop(trained_shop, tmp_path):
    """A copy of the trained shop, free to be changed."""
    shutil.copytree(trained_shop, tmp_path / "project")
    return tmp_path / "project"
