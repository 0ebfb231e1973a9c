"""A catalogue of all that is listed: a product that nobody bought can be shown, and nothing else changes its place."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core import schema as s
from components.ranking.exploration import ExplorationConfig
from components.release.assemble import assemble
from components.release.release import Question
from components.splits import store
from components.splits.methods.temporal import TemporalConfig
from components.steps.split import split
from tests.conftest import decide, run_steps, write_shop

NEW = ("new-cheese", "new-tea")
FEW = {"min_users_per_item": 2, "min_items_per_user": 2}


def write_shop_with_new_products(root):
    write_shop(root, 1)
    path = root / layout.CLEAN / "items.parquet"
    table = pq.read_table(path)
    like = table.slice(0, 1).to_pylist()[0]
    added = [like | {s.ITEM_ID: item, s.TITLE: item, s.CATEGORY: item.removeprefix("new-")} for item in NEW]
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist(added, schema=table.schema)]), path)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("listed")
    write_shop_with_new_products(root)
    return root


def dataset(root):
    return store.load_dataset(root / layout.SPLIT / layout.TEST_FOLD / store.DATASET)


def test_by_default_the_catalogue_is_what_was_bought_and_listed_adds_the_rest_without_events(root):
    split(TemporalConfig(**FEW), root, 1)
    bought = dataset(root)
    told = split(TemporalConfig(**FEW, catalogue="listed"), root, 1)
    listed = dataset(root)
    assert set(listed.items.ids) - set(bought.items.ids) == set(NEW)
    assert len(listed.histories.items) == len(bought.histories.items)
    assert not np.isin(listed.items.encode(np.array(NEW)), listed.histories.items).any()
    assert "today's items table" in told.tags["leaks"]


@pytest.mark.slow
def test_a_product_that_nobody_bought_is_shown_to_those_who_buy_its_category(root):
    run_steps(root, 1, catalogue="listed")
    decide(root)
    release = assemble(root, "shop", {}, exploration=ExplorationConfig(share=0.5, most_buyers=0, first=2, last=4))
    question = Question(history=("i00", "i03", "i06"), k=5)  # cheese, and nothing else
    answer = release.recommend(question)
    shown = [release.explore(question, answer, f"request {n}") for n in range(40)]
    drawn = {str(release.hybrid.items.ids[a.items[a.explored]]) for a in shown if a.explored is not None}
    assert drawn == {"new-cheese"}
    assert release.catalogue.describe(release.hybrid.items.index("new-cheese"))["category"] == "cheese"
