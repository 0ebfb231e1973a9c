"""/search and /suggest of a real service: an index of the release, and one from a folder."""

import shutil

import pytest

from components.core import layout
from components.core.errors import ConfigError
from components.online.sqlite_store import SqliteStore
from components.release.assemble import assemble
from components.steps.answer_lineage import logged
from components.steps.index import IndexConfig, index
from services.settings import read_settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def service(start, trained_shop, folder):
    root = shutil.copytree(trained_shop, folder / "project")
    index(IndexConfig(vectors=False), root, 1)
    assemble(root, "shop", {"data_digest": "d"})
    with start(folder, SHOPLOOP_RELEASE=str(root / layout.RELEASE)) as service:
        yield service


def search(service, **body):
    answer = service.post("/search", **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_query_is_answered_with_words_origin_and_facets(service):
    answer = search(service, query="Cheese", limit=5, facets=10)
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    assert all("cheese" in item["category"] for item in answer["items"])
    assert answer["total"] == 20
    assert {"value": "cheese", "count": 20} in answer["facets"]["category"]
    assert (len(answer["release"]), len(answer["index"]), answer["data_digest"]) == (64, 64, "d")
    assert (answer["fallback"], answer["note"], answer["personalised"]) == (None, None, False)


def test_what_a_search_showed_is_logged_with_its_release_so_that_its_lineage_can_be_told(service, folder):
    answer = search(service, query="cheese", limit=3, user_id="u02")
    rows = logged(SqliteStore(folder / "state" / layout.SERVICE_DATABASE), answer["request_id"])
    assert [row["item_id"] for row in rows] == [item["item_id"] for item in answer["items"]]
    assert {(r["user_id"], r["release"], r["experiment"], r["propensity"]) for r in rows} == {
        ("u02", answer["release"], None, 1.0)
    }
    assert len(service.get("/suggest?text=te").json()["request_id"]) == 32


@pytest.mark.parametrize("limit", ["%C2%B2", "%D9%A3", "9" * 5000, "1e1", "-1", "", "0x1"])
def test_a_strange_limit_is_refused_in_words(service, limit):
    answer = service.get(f"/suggest?text=te&limit={limit}")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert answer.json()["error"].startswith("limit: ")


def test_spelling_filters_and_fallbacks_are_told(service):
    assert search(service, query="chese", filters={"brands": ["private"]})["corrected"] == "cheese"
    nothing = search(service, query="zzzzqqqq")
    assert (nothing["fallback"], nothing["dropped"]) == ("popular", ["zzzzqqqq"])
    assert "popular" in nothing["note"]
    assert search(service, query="tea", filters={"categories": ["none such"]})["items"] == []


def test_a_history_or_a_known_user_changes_the_order_but_not_what_was_found(service):
    plain = [item["item_id"] for item in search(service, query="cheese bread tea", limit=50)["items"]]
    for who in ({"history": ["i02", "i05", "i08"]}, {"user_id": "u02"}):
        answer = search(service, query="cheese bread tea", limit=50, **who)
        ids = [item["item_id"] for item in answer["items"]]
        assert answer["personalised"]
        assert ids != plain
        assert set(ids) == set(plain)
        off = search(service, query="cheese bread tea", limit=50, personalise=False, **who)
        assert [item["item_id"] for item in off["items"]] == plain
    assert not search(service, query="tea", user_id="stranger")["personalised"]


def test_completions_by_post_and_by_get_are_the_same(service):
    posted = service.post("/suggest", text="che", limit=3)
    got = service.get("/suggest?text=che&limit=3")
    assert posted.status_code == got.status_code == 200, (posted.text, got.text)
    assert posted.json()["suggestions"] == got.json()["suggestions"]
    assert posted.json()["suggestions"][0] == {"text": "cheese", "kind": "category"}
    assert service.get("/suggest").status_code == 400
    assert "unknown field" in service.get("/suggest?text=a&x=1").json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/search", {}, "query: is missing"),
        ("/search", {"query": ""}, "query: should not be empty"),
        ("/search", {"query": "x" * 201}, "at most 200"),
        ("/search", {"query": "tea", "limit": 101}, "at most 100"),
        ("/search", {"query": "tea", "k": 3}, "unknown field"),
        ("/search", {"query": "tea", "facets": -1}, "at least 0"),
        ("/search", {"query": "tea", "user_id": "u", "history": []}, "not both"),
        ("/search", {"query": "tea", "filters": {"min_price": 2, "max_price": 1}}, "min_price is above max_price"),
        ("/search", {"query": 7}, "text"),
        ("/suggest", {"text": "a", "limit": 21}, "at most 20"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_words(service, path, body, word):
    answer = service.post(path, **body)
    assert answer.status_code == 400, answer.text
    assert word in answer.json()["error"]


def test_hostile_texts_are_answered(service):
    for text in ("\0", "a:b AND (c", "\u202e", "牛" * 200, '"', "*", "title:[* TO *]", "😀" * 100):
        assert search(service, query=text)["items"]


def test_a_release_without_an_index_says_so_and_a_folder_serves_in_its_place(
    start, trained_shop, index_folder_of_two, tmp_path
):
    root = shutil.copytree(trained_shop, tmp_path / "project")
    assemble(root, "shop", {})
    release = str(root / layout.RELEASE)
    with start(tmp_path, SHOPLOOP_RELEASE=release) as service:
        answer = service.post("/search", query="tea")
        assert answer.status_code == 404
        assert "no search index" in answer.json()["error"]
    (tmp_path / "second").mkdir()
    with start(tmp_path / "second", SHOPLOOP_RELEASE=release, SHOPLOOP_SEARCH=str(index_folder_of_two)) as service:
        assert search(service, query="牛奶")["items"][0]["item_id"] == "a"


@pytest.fixture
def index_folder_of_two(tmp_path):
    import numpy as np

    from components.search.build import BuildConfig, build
    from components.search.items import read_items

    (tmp_path / "items.csv").write_text("id,title\na,牛奶\nb,bread\n", encoding="utf-8")
    build(read_items(tmp_path / "items.csv", {}), BuildConfig(), tmp_path / "two", np.random.default_rng(1))
    return tmp_path / "two"


def test_a_catalogue_without_one_interaction_is_searched_over_http_with_no_release(
    start, index_folder_of_two, tmp_path
):
    folder = tmp_path / "alone"
    folder.mkdir()
    with start(folder, SHOPLOOP_SEARCH=str(index_folder_of_two), SHOPLOOP_SEARCH_ONLY="true") as service:
        answer = search(service, query="牛奶", user_id="u01", facets=5)
        assert ([item["item_id"] for item in answer["items"]], answer["total"]) == (["a"], 1)
        assert (answer["release"], answer["version"], answer["personalised"]) == (None, None, False)
        assert service.get("/suggest?text=br").json()["suggestions"] == [{"text": "bread", "kind": "title"}]
        asked = service.post("/recommend", user_id="u01")
        assert (asked.status_code, "only searches" in asked.json()["error"]) == (404, True)
        served = service.get("/release")
        assert (served.status_code, "no release" in served.json()["error"]) == (404, True)
        health = service.get("/health")
        assert (health.status_code, health.json()["status"], health.json()["version"]) == (200, "ok", None)
        assert "shoploop_ready 1.0" in service.get("/metrics").text


def test_a_service_that_only_searches_wants_an_index():
    with pytest.raises(ConfigError, match="search_only wants an index"):
        read_settings({"SHOPLOOP_SEARCH_ONLY": "true"})
