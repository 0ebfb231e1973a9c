"""Traditional and simplified Chinese meet in the index, whichever of the two items and queries are written in."""

import numpy as np
import pytest

from components.core import bundle
from components.core.errors import BundleError, DataError
from components.search import simplified
from components.search.build import BuildConfig, build
from components.search.index import POPULAR
from components.search.items import read_items
from components.search.load import load

TITLES = {
    "t1": "華為手機保護殼 透明",
    "s1": "华为手机壳 磨砂",
    "t2": "藍牙耳機 無線",
    "s2": "绿茶礼盒装",
    "t3": "乾洗髮噴霧 清爽頭髮",
    "s3": "鸡肉干 零食",
    "e1": "Green tea 250 g",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    lines = ["id,title", *(f"{key},{title}" for key, title in TITLES.items())]
    bundle.write_text(folder / "items.csv", "\n".join(lines))
    return folder


def built(folder, name, **options):
    items = read_items(folder / "items.csv", {})
    build(items, BuildConfig(vectors=False, **options), folder / name, np.random.default_rng(1))
    return load(folder / name)


@pytest.fixture(scope="module")
def index(folder):
    return built(folder, "index")


def found(index, query):
    answer = index.search(query, 5)
    return set(index.ids(answer.hits.rows)) if answer.fallback != POPULAR else set()


@pytest.mark.parametrize(
    ("traditional", "simple", "item"),
    [
        ("華為", "华为", {"t1", "s1"}),
        ("藍牙耳機", "蓝牙耳机", {"t2"}),
        ("綠茶禮盒", "绿茶礼盒", {"s2"}),
        ("頭髮", "头发", {"t3"}),
        ("ｉＰｈｏｎｅ手機殼", "iphone手机壳", {"t1", "s1"}),
    ],
)
def test_a_query_finds_items_of_both_scripts_in_the_same_order(index, traditional, simple, item):
    assert item <= found(index, traditional)
    one, other = index.search(traditional, 5), index.search(simple, 5)
    assert index.ids(one.hits.rows) == index.ids(other.hits.rows)
    assert (one.fallback, one.hits.scores.tolist()) == (other.fallback, other.hits.scores.tolist())


def test_titles_are_shown_and_completed_as_the_shop_wrote_them(index):
    assert index.describe(index.search("华为 保护壳", 1).hits.rows)[0]["title"] == TITLES["t1"]
    assert {s["text"] for s in index.suggest("华为", 5)} == {TITLES["t1"], TITLES["s1"]}
    assert {s["text"] for s in index.suggest("華為", 5)} == {TITLES["t1"], TITLES["s1"]}


def test_it_can_be_left_out_and_then_they_are_different_characters(folder):
    index = built(folder, "as_written", simplify=False)
    assert not (folder / "as_written" / simplified.FILE).exists()
    assert found(index, "华为") == {"s1"}


def test_an_index_made_before_there_was_a_choice_reads_as_it_was_built(folder):
    built(folder, "old", simplify=False)
    meta = bundle.read_json(folder / "old" / "search.json")
    del meta["analysis"]["simplify"]
    bundle.write_json(folder / "old" / "search.json", meta)
    bundle.seal(folder / "old", {})
    assert found(load(folder / "old"), "華為") == {"t1"}


def test_an_index_answers_by_the_characters_it_keeps_and_refuses_what_is_no_pair(folder):
    kept = folder / "index" / simplified.FILE
    assert (simplified.read(folder / "index"), "後后\n" in kept.read_text("utf-8")) == (simplified.known(), True)
    built(folder, "bad")
    for line in ("為", "為a", "為为为"):
        bundle.write_text(folder / "bad" / simplified.FILE, f"{line}\n")
        with pytest.raises(DataError, match="is no pair of characters"):
            simplified.read(folder / "bad")
    with pytest.raises(BundleError, match="was altered"):
        load(folder / "bad")
