import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

SPEC = importlib.util.spec_from_file_location("judged", Path(__file__).with_name("judged.py"))
JUDGED = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(JUDGED)


@pytest.fixture(scope="session")
def judged():
    return JUDGED


@pytest.fixture(scope="session")
def shop_files(tmp_path_factory):
    """items.csv and judgments.csv of the judged shop."""
    folder = tmp_path_factory.mktemp("judged")
    with open(folder / "items.csv", "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["id", "title", "category", "brand", "price", "description"])
        out.writerows([key, *values] for key, values in JUDGED.PRODUCTS.items())
    with open(folder / "judgments.csv", "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["query", "item_id", "grade"])
        out.writerows([q, item, g] for q, own in JUDGED.JUDGED.items() for item, g in own.items())
    return folder


@pytest.fixture(scope="session")
def index_folder(shop_files, tmp_path_factory):
    from components.search.build import BuildConfig, Extras, build
    from components.search.items import read_items

    items = read_items(shop_files / "items.csv", {})
    out = tmp_path_factory.mktemp("index") / "search"
    extras = Extras(rules=[(("tv", "television"), ("tv", "television"))], queries={"milk chocolate": 5.0})
    build(items, BuildConfig(), out, np.random.default_rng(1), extras)
    return out


@pytest.fixture(scope="session")
def index(index_folder):
    from components.search.load import load

    return load(index_folder)
