"""The step `index`, and the release that carries what it made."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core.errors import DataError
from components.release.assemble import assemble
from components.release.personal_search import reordered
from components.release.release import Question
from components.steps.index import IndexConfig, index


@pytest.fixture(scope="module")
def searchable(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("searchable") / "project")
    judged = {"text": ["tea", "tea", "brie"], "item_id": ["i02", "gone", "i00"], "relevance": [1.0, 1.0, 2.0]}
    pq.write_table(pa.table({"query_id": ["1", "1", "2"], **judged}), root / layout.CLEAN / "queries.parquet")
    (root / "synonyms.txt").write_text("brie, cheese\n")
    result = index(IndexConfig(vectors=False, synonyms="synonyms.txt"), root, 1)
    return root, result, assemble(root, "shop", {"data_digest": "d"})


def test_the_release_can_be_searched_and_popular_items_come_first_among_equals(searchable):
    _, _, release = searchable
    found = release.search.search("tea", 5)
    described = release.search.describe(found.hits.rows)
    assert {item["category"][1] for item in described} == {"tea"}
    history = release.known.histories
    bought = np.bincount(history.items, minlength=len(release.hybrid.items))
    counts = [bought[release.hybrid.items.index(item["item_id"])] for item in described]
    assert counts == sorted(counts, reverse=True)


def test_judged_queries_are_measured_and_unknown_items_counted(searchable):
    root, result, _ = searchable
    report = json.loads((root / layout.SEARCH_EVALUATION / "report.json").read_text())
    assert report["left_out"] == {"of items that are not in the index, left out": 1}
    assert result.metrics["recall_at_100"] == 1.0
    assert result.metrics["zero_result_rate"] == 0.0  # brie is found through its synonym


def test_equal_parts_give_an_equal_release(searchable):
    root, _, release = searchable
    assert assemble(root, "shop", {"data_digest": "d", "git_commit": "other"}).digest == release.digest


def test_what_a_person_buys_comes_forward_and_nothing_is_lost(searchable):
    _, _, release = searchable
    ids = release.search.ids(release.search.search("tea cheese bread", 40).hits.rows)
    order = reordered(release, Question(history=("i02", "i05", "i08")), ids)
    assert sorted(order.tolist()) == list(range(len(ids)))
    assert order.tolist() != list(range(len(ids)))
    assert reordered(release, Question(history=()), ids) is None
    assert reordered(release, Question(history=("no such item",)), ids) is None


def test_an_index_can_be_left_out_and_the_release_still_stands(shop):
    index(IndexConfig(enabled=False), shop, 1)
    assert assemble(shop, "shop", {}).search is None


def test_synonyms_outside_the_project_are_refused(shop):
    with pytest.raises(DataError, match="outside the project"):
        index(IndexConfig(synonyms="../../etc/passwd"), shop, 1)
