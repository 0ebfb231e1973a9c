"""A small Complete Journey with pseudonyms that went through the real steps, from its raw files to a registered
release."""

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from components.core import bundle, layout
from components.core.config import PARAMS_FILE, read_params
from components.core.pseudonyms import KEY_VARIABLE
from components.tracking import location
from tests.conftest import write_reports

PROJECT = Path(__file__).parents[3]
MONDAY = datetime(2017, 1, 2, 17)  # noqa: DTZ001 - the source's times are UTC without a zone; noon at the shop
FIRST_HOUSEHOLD, HOUSEHOLDS, PRODUCTS, DAYS = 90_210_001, 40, 30, 60
MODELS = ("popularity", "household_recency", "item_knn")


def raw_tables():
    """Household u buys three products a visit, every third day, mostly those of its own third of the shelf."""
    rng = np.random.default_rng(3)
    visits = [(day, u) for day in range(DAYS) for u in range(day % 3, HOUSEHOLDS, 3)]
    rows = [
        (FIRST_HOUSEHOLD + u, day, 1000 * day + u, 1 + product)
        for day, u in visits
        for product in sorted({int(p) for p in (3 * rng.zipf(1.6, size=3) + u % 3) % PRODUCTS})
    ]
    household, day, basket, product = zip(*rows, strict=True)
    n = len(rows)
    ids = list(range(1, PRODUCTS + 1))
    surveyed = [FIRST_HOUSEHOLD + u for u in range(HOUSEHOLDS)]
    one = {"household_id": surveyed}
    one |= {name: [answer] * HOUSEHOLDS for name, answer in (
        ("age", "65+"), ("income", "35-49K"), ("home_ownership", "Homeowner"), ("marital_status", "Married"),
        ("household_size", "2"), ("household_comp", "2 Adults No Kids"), ("kids_count", "0"),
    )}  # fmt: skip
    return {
        "transactions": {
            "household_id": household, "store_id": [7] * n, "basket_id": basket, "product_id": product,
            "quantity": [1] * n, "sales_value": [1.5] * n, "retail_disc": [0.25] * n, "coupon_disc": [0.5] * n,
            "coupon_match_disc": [0.25] * n, "week": [1 + d // 7 for d in day],
            "transaction_timestamp": [MONDAY + timedelta(days=d) for d in day],
        },
        "products": {
            "product_id": ids, "manufacturer_id": [10] * PRODUCTS, "department": ["GROCERY"] * PRODUCTS,
            "brand": ["National" if i % 2 else "Private" for i in ids],
            "product_category": [("YOGURT", "BEEF", "TEA")[i % 3] for i in ids],
            "product_type": [f"KIND {i}" for i in ids], "package_size": ["6 OZ"] * PRODUCTS,
        },
        "demographics": one,
        "promotions": {
            "product_id": [1, 1, 2], "store_id": [7, 8, 7], "display_location": ["9", "0", "0"],
            "mailer_location": ["0", "A", "D"], "week": [2, 2, 3],
        },
    }  # fmt: skip


def write_params(root):
    params = read_params(PROJECT / PARAMS_FILE)
    params["source"]["pseudonymise"] = True
    params["clean"] = {}
    params["split"] |= {"min_users_per_item": 2, "min_items_per_user": 2}
    params["reduce"]["params"] = {"embedding_size": 4}
    params["models"] = {name: params["models"][name] for name in MODELS}
    params["rank"] |= {"candidates": list(MODELS), "candidates_per_model": 10, "negatives_per_user": 20}
    params["rank"]["buy_again"] = None
    params["rank"]["lambdamart"] = {"trees": 10, "threads": 1}
    (root / PARAMS_FILE).write_text(yaml.safe_dump(params))


def run_steps(root, *names):
    from components.steps import runner

    for name in names:
        runner.run(name, root)


UNTIL_SPLIT = ("ingest", "validate", "clean", "split")
UNTIL_RANK = (*UNTIL_SPLIT, "featurize", "inspect", "reduce", *(f"train-{name}" for name in MODELS), "rank")


@pytest.fixture(scope="session")
def run():
    """Run steps by name through the real runner, MLflow included."""
    return run_steps


@pytest.fixture(scope="session")
def finished(tmp_path_factory, write):
    """A project whose release is registered; do not change it, copy it."""
    root = tmp_path_factory.mktemp("versions") / "project"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "SHOPLOOP_PARENT_RUN", KEY_VARIABLE):
            patch.delenv(name, raising=False)
        write(root, raw_tables())
        write_params(root)
        shutil.copytree(PROJECT / layout.FEATURE_EXPECTATIONS, root / layout.FEATURE_EXPECTATIONS)
        run_steps(root, *UNTIL_RANK)
        gates = {"coverage": {"passed": True, "reason": "as it is"}}
        bundle.write_json(
            root / layout.DECISION / "decision.json",
            {"passed": True, "first_release": True, "gates": gates, "reasons": ["coverage: as it is"]},
        )
        write_reports(root)
        run_steps(root, "index", "register")
    return root


@pytest.fixture(scope="session")
def copied():
    """Copy a project with its MLflow records, which name their files by absolute paths."""

    def copy(project, to):
        shutil.copytree(project, to)
        columns = (
            ("experiments", "artifact_location"), ("runs", "artifact_uri"),
            ("model_versions", "source"), ("model_versions", "storage_location"),
        )  # fmt: skip
        with closing(sqlite3.connect(to / location.DATABASE)) as con, con:
            for table, column in columns:
                con.execute(f"update {table} set {column} = replace({column}, ?, ?)", (str(project), str(to)))
        return to

    return copy


@pytest.fixture
def alone(monkeypatch):
    """No setting of another project in the environment."""
    for name in ("MLFLOW_TRACKING_URI", "SHOPLOOP_PARENT_RUN", "SHOPLOOP_STATE", KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shop(finished, copied, tmp_path, monkeypatch, alone):
    """A copy of the finished project, free to be changed; the working folder."""
    root = copied(finished, tmp_path / "project")
    monkeypatch.chdir(root)
    return root
