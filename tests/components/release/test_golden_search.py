"""A release's search index is asked its golden queries before it serves: a wrong one is refused."""

import shutil

import pytest

from components.core import bundle, layout
from components.core.errors import ReleaseError
from components.release import golden_search
from components.release.assemble import assemble
from components.release.load import GOLDEN_SEARCH, SEARCH, load
from components.steps.index import IndexConfig, index


@pytest.fixture(scope="module")
def made(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("golden") / "project")
    index(IndexConfig(vectors=False), root, 1)
    return assemble(root, "shop", {}), root / layout.RELEASE


def resealed(folder):
    bundle.seal(folder / SEARCH, {})
    bundle.seal(folder, {})


def test_golden_queries_hold_found_words_a_wrong_spelling_and_what_is_not_there(made):
    release, folder = made
    golden = bundle.read_json(folder / GOLDEN_SEARCH)
    assert all(len(entry["answer"]["items"]) == len(entry["answer"]["scores"]) > 0 for entry in golden)
    fallbacks = {entry["query"]: entry["answer"]["fallback"] for entry in golden}
    assert fallbacks[golden_search.NO_WORD] == "popular"
    assert {None, "corrected", "popular"} <= set(fallbacks.values())
    golden_search.check(release.search, golden)


def test_another_index_than_the_one_it_was_made_with_is_refused(made, tmp_path):
    copy = shutil.copytree(made[1], tmp_path / "copy")
    meta = bundle.read_json(copy / SEARCH / "search.json")
    bundle.write_json(copy / SEARCH / "search.json", meta | {"weights": dict.fromkeys(meta["weights"], 9.0)})
    resealed(copy)
    with pytest.raises(ReleaseError, match=r"golden query .* is not answered as it was"):
        load(copy)


def test_without_golden_queries_a_release_says_so_if_it_has_the_file_and_serves_if_it_is_older(made, tmp_path):
    copy = shutil.copytree(made[1], tmp_path / "copy")
    bundle.write_json(copy / GOLDEN_SEARCH, [])
    resealed(copy)
    with pytest.raises(ReleaseError, match="has no golden queries"):
        load(copy)
    (copy / GOLDEN_SEARCH).unlink()
    resealed(copy)
    assert load(copy).search is not None


def test_items_of_equal_score_may_change_places_and_others_may_not():
    wanted = {"items": ["a", "b", "c"], "scores": [3.0, 2.0, 2.0], "fallback": None}
    assert golden_search._same(wanted | {"items": ["a", "c", "b"]}, wanted)
    assert golden_search._same(wanted | {"items": ["a", "b", "d"]}, wanted)  # a tie at the end
    assert not golden_search._same(wanted | {"items": ["b", "a", "c"]}, wanted)
    assert not golden_search._same(wanted | {"items": ["d", "b", "c"]}, wanted)
    assert not golden_search._same(wanted | {"fallback": "popular"}, wanted)
    assert not golden_search._same(wanted | {"scores": [3.0, 2.0, 1.0]}, wanted)
