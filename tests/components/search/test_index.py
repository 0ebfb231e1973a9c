import shutil

import numpy as np
import pytest

from components.core import bundle
from components.core.errors import BundleError
from components.search import build as building
from components.search.engine import Filters
from components.search.index import DENSE, FUSED, LEXICAL, NOTHING, POPULAR
from components.search.items import read_items
from components.search.load import load
from components.search.measure import run


def ids(index, query, k=5, **filters):
    return index.ids(index.search(query, k, Filters(**filters)).hits.rows)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("有机牛奶 500ml", "z01"),
        ("无线耳机", "z05"),
        ("笔记本电脑", "z22"),
        ("milk 0.5 l", "e02"),
        ("AAA batteries", "e10"),
    ],
)
def test_what_was_meant_comes_first(index, query, first):
    assert ids(index, query)[0] == first


def test_items_with_all_words_come_before_those_with_some_and_that_is_told(index):
    found = index.search("milk bluetooth", 10)
    assert found.fallback == "some_words"
    both = index.search("bluetooth speaker", 10)
    assert index.ids(both.hits.rows)[0] == "e15"
    assert both.fallback is None
    assert (np.diff(both.hits.scores) <= 0).all()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("battreies", "batteries"),
        ("dishwashertablets", "dishwasher tablets"),
        ("blutooth speaker", "bluetooth speaker"),
    ],
)
def test_spelling_is_corrected_and_told(index, typed, meant):
    found = index.search(typed, 5)
    assert found.understood.corrected == meant
    assert found.fallback == "corrected"
    assert len(found.hits.rows)


def test_numbers_and_short_words_are_not_corrected(index):
    assert index.search("650ml", 5).understood.dropped == ("650ml",)
    assert index.search("mlk", 5).understood.corrected is None


def test_two_words_that_items_write_as_one_are_found(index):
    assert set(ids(index, "head phones")[:3]) == {"e12", "e13", "e14"}


def test_filters_hold_in_any_letter_case(index):
    assert set(ids(index, "milk", 10, brands=("MEADOW",), max_price=1.15)) == {"e02", "e04"}
    assert set(ids(index, "耳机", 10, categories=("数码",))) == {"z05", "z06"}
    assert ids(index, "milk", 10, categories=("no such category",)) == []
    assert index.search("milk", 10, Filters(brands=("nobody",))).fallback == NOTHING


def test_both_engines_of_a_mode_pass_the_same_filters(index):
    filters = Filters(categories=("Electronics",), min_price=20, max_price=130)
    expected = set(ids(index, "", 100, categories=("Electronics",), min_price=20, max_price=130))
    mask = index.allowed(index._resolved(filters))
    assert set(index.ids(np.flatnonzero(mask))) == expected == {"e12", "e13", "e15", "e29"}


def test_facets_count_all_that_match_not_only_what_is_shown(index):
    found = index.search("milk", 1)
    total, facets = index.facets(found, None, 10)
    assert total == 5
    assert ("Dairy", 4) in facets["category"]
    assert ("Meadow", 3) in facets["brand"]


def test_nothing_found_shows_what_is_popular_and_says_so(index):
    found = index.search("qqzzxxyy", 3)
    assert found.fallback == POPULAR
    assert len(found.hits.rows) == 3
    assert found.understood.dropped == ("qqzzxxyy",)
    assert index.facets(found, None, 5) == (0, {"category": [], "brand": []})


@pytest.mark.parametrize(
    "text", ["", " ", "\0", '!?*()[]:~^"\\', "AND OR NOT title:x", "a" * 10_000, "牛" * 5000, "😀"]
)
def test_any_text_is_answered(index, text):
    assert 1 <= len(index.search(text, 3).hits.rows) <= 3


def test_completions_are_weighted_and_begin_as_typed(index):
    texts = [s["text"] for s in index.suggest("mil", 10)]
    assert texts[0] == "milk chocolate"
    assert "Milk Chocolate Bar 100 g" in texts
    assert all(text.lower().startswith("mil") for text in texts)
    assert [s["text"] for s in index.suggest("mil", 10, hidden={"Milk Chocolate Bar 100 g"})] == [
        text for text in texts if text != "Milk Chocolate Bar 100 g"
    ]
    assert index.suggest("牛奶", 5)[0]["text"] == "牛奶巧克力100克"
    assert index.suggest("", 5) == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("headp", ["headphones"]),  # no title begins so
        ("wireless ear", ["wireless earbuds"]),
        ("milk bluet", []),  # no item holds both
        ("armc", []),  # a title is that word, and is offered as one
        ("无线耳", ["无线耳机"]),
        ("充电", ["充电器"]),
        ("ear ", []),
        ("e", []),
        ("!!", []),
    ],
)
def test_the_last_word_is_completed_to_one_that_an_item_holds_with_the_others(index, typed, offered):
    assert [s["text"] for s in index.suggest(typed, 8) if s["kind"] == "word"] == offered


def test_equal_items_give_equal_bytes_and_a_flipped_bit_is_refused(shop_files, index_folder, tmp_path):
    items = read_items(shop_files / "items.csv", {})
    extras = building.Extras(rules=[(("tv", "television"), ("tv", "television"))], queries={"milk chocolate": 5.0})
    building.build(items, building.BuildConfig(), tmp_path / "again", np.random.default_rng(1), extras)
    assert bundle.digest(tmp_path / "again") == bundle.digest(index_folder)
    shutil.copytree(index_folder, tmp_path / "broken")
    file = next((tmp_path / "broken" / "lexical").glob("*.idx"))
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(bytes(raw))
    with pytest.raises(BundleError, match="was altered"):
        load(tmp_path / "broken")


def test_looking_changes_nothing_of_a_sealed_folder(index_folder):
    load(index_folder).search("milk", 3)
    bundle.verify(index_folder)


def test_a_failed_build_leaves_the_old_index(shop_files, index_folder, tmp_path):
    old = shutil.copytree(index_folder, tmp_path / "kept")

    def fails(index):
        raise RuntimeError("no")

    items = read_items(shop_files / "items.csv", {})
    config = building.BuildConfig(vectors=False)
    with pytest.raises(RuntimeError):
        building.build(items, config, old, np.random.default_rng(1), tune=fails)
    assert bundle.digest(old) == bundle.digest(index_folder)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_the_judged_shop_is_searched_well_and_fusion_does_not_pay_on_it(index, judged):
    ndcg = {mode: run(index, judged.JUDGED, mode)[0].figures["ndcg_at_10"].mean() for mode in (LEXICAL, DENSE, FUSED)}
    assert ndcg[LEXICAL] > 0.95
    assert ndcg[DENSE] > 0.8
    assert ndcg[FUSED] < ndcg[LEXICAL] + 0.01
    assert index.mode == LEXICAL


@pytest.mark.parametrize("query", ["麒麟", "麒麟臂", "???", "！！", "🧀"])
def test_popular_items_are_never_passed_off_as_found(index, query):
    found = index.search(query, 5)
    assert found.fallback == POPULAR
    assert len(index.search("  ", 5).hits.rows) == 5
    assert index.search("  ", 5).fallback is None


def test_a_chinese_word_that_no_item_holds_is_told_beside_one_that_items_hold(index):
    found = index.search("麒麟牛奶", 5)
    assert (found.fallback, found.understood.dropped) == ("some_words", ("麒麟",))
    assert "牛奶" in index.describe(found.hits.rows)[0]["title"]
    assert index.search("牛奶", 5).understood.dropped == ()


def test_a_brand_in_two_spellings_is_found_by_either(tmp_path):
    lines = [
        "id,title,brand",
        "a,Cola 330 ml,Coca-Cola",
        "b,Cola Zero,CocaCola",
        "c,Cola Light,Coca Cola",
        "d,Cola,Red Bull",
    ]
    bundle.write_text(tmp_path / "items.csv", "\n".join(lines))
    items = read_items(tmp_path / "items.csv", {})
    building.build(items, building.BuildConfig(vectors=False), tmp_path / "index", np.random.default_rng(1))
    index = load(tmp_path / "index")
    for query in ("cocacola", "coca cola", "COCA-COLA"):
        found = index.search(query, 3)
        assert (set(index.ids(found.hits.rows)), found.fallback) == ({"a", "b", "c"}, None)
    assert index.search("redbull", 3).understood.corrected == "red bull"
    assert index.facets(index.search("cocacola", 3), None, 9)[1]["brand"] == [
        ("Coca Cola", 1), ("Coca-Cola", 1), ("CocaCola", 1)
    ]  # fmt: skip
