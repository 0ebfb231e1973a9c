"""Answers of a real service that serves a release folder, without MLflow."""

import json
import shutil
import sqlite3
import time

import pytest

from components.core import layout, schema
from components.release.assemble import assemble

pytestmark = pytest.mark.slow
EXPERIMENT = {"name": "recency", "shares": {"control": 0.5, "treatment": 0.5}, "treatment_model": "household_recency"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def service(start, trained_shop, folder):
    root = shutil.copytree(trained_shop, folder / "project")
    assemble(root, "shop", {"data_digest": "d"})
    release = str(root / layout.RELEASE)
    with start(folder, SHOPLOOP_RELEASE=release, SHOPLOOP_EXPERIMENT=json.dumps(EXPERIMENT)) as service:
        yield service


def test_a_known_user_gets_k_ranked_items_with_words_and_origin(service):
    answer = service.recommend(user_id="u00", k=5)
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    assert len({item["item_id"] for item in answer["items"]}) == 5
    assert answer["fallback"] is None
    assert answer["items"][0]["title"]
    assert len(answer["release"]) == 64
    assert answer["data_digest"] == "d"


@pytest.mark.parametrize("who", [{"user_id": "stranger"}, {"history": ["no such item"]}, {"history": []}])
def test_strangers_get_k_valid_items_and_are_told_why(service, who):
    answer = service.recommend(**who, k=7)
    assert answer["fallback"] == "popular"
    assert len(answer["items"]) == 7


def test_filters_hold(service):
    items = service.recommend(user_id="u01", k=100, filters={"categories": ["tea"], "max_price": 3})["items"]
    assert items
    assert all(item["category"] == "tea" and item["price"] <= 3 for item in items)


def test_a_history_s_list_can_be_varied_and_explained_with_own_items_and_features(service):
    body = {"history": ["i03", "i06", "i09"], "k": 5, "explain": True}
    plain, varied = service.recommend(**body), service.recommend(**body, diversity=0.7, novelty=0.3)
    assert [i["item_id"] for i in plain["items"]] != [i["item_id"] for i in varied["items"]]
    because = [own for item in plain["items"] for own in item["reasons"]["because"]]
    assert because
    assert {own["item_id"] for own in because} <= set(body["history"])
    assert all(own["title"].startswith("cheese") for own in because)
    assert {"feature", "words", "added"} == set(plain["items"][0]["reasons"]["features"][0])
    assert all(0 <= item["probability"] <= 1 for item in plain["items"])
    refused = service.post("/recommend", **body, serendipity=1)
    assert (refused.status_code, refused.json()) == (400, {"error": "serendipity: unknown field"})


def test_similar_items_and_an_unknown_one(service):
    answer = service.post("/similar", item_id="i03", k=3)
    near = answer.json()
    assert near["request_id"] == answer.headers["x-request-id"]
    assert len(near["items"]) == 3
    assert service.post("/similar", item_id="nothing", k=3).json()["fallback"] == "popular"


def test_an_event_changes_the_next_answer_and_counts_once(service):
    before = service.ids(user_id="newcomer")
    event = {"event_id": "e1", "user_id": "newcomer", "item_id": "i05"}
    stored = service.post("/events", events=[event]).json()
    served, origin = service.get("/release").json(), ("version", "release", "data_digest")
    assert [stored.pop(name) for name in origin] == [served[name] for name in origin]
    assert len(stored.pop("request_id")) == 32
    assert stored == {
        "accepted": 1,
        "repeated": 0,
        "unknown_items": 0,
        "before_cutoff": 0,
        "not_counted": 0,
        "note": None,
    }
    first = service.recommend(user_id="newcomer")
    assert first["fallback"] is None
    assert [item["item_id"] for item in first["items"]] != before
    assert service.post("/events", events=[event, event]).json()["repeated"] == 2
    again = service.recommend(user_id="newcomer")
    assert [i["score"] for i in again["items"]] == [i["score"] for i in first["items"]]


def test_views_are_kept_but_change_no_answer_of_a_release_of_purchases(service):
    before = service.ids(user_id="u04")
    view = {"event_id": "v", "user_id": "u04", "item_id": "i59", "event_type": "view"}
    told = service.post("/events", events=[view]).json()
    assert (told["accepted"], told["not_counted"]) == (1, 1)
    assert "only events of the types purchase change an answer" in told["note"]
    assert service.ids(user_id="u04") == before


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/recommend", {"user_id": "u00", "kk": 3}, "kk"),
        ("/recommend", {"user_id": "u00", "k": 0}, "k: should be at least 1, found 0"),
        ("/recommend", {"user_id": "u00", "k": 101}, "k: should be at most 100, found 101"),
        ("/recommend", {"user_id": "u00", "k": "10"}, "whole number"),
        ("/recommend", {"user_id": "u00", "k": 10**30}, "k"),
        ("/recommend", {}, "either user_id or history"),
        ("/recommend", {"user_id": "u00", "history": []}, "either user_id or history"),
        ("/recommend", {"user_id": "a\u0000b"}, "user_id"),
        ("/recommend", {"history": ["x"] * 501}, "500"),
        ("/recommend", {"user_id": "u00", "filters": {"min_price": 3, "max_price": 2}}, "min_price is above max_price"),
        ("/recommend", {"user_id": "u00", "filters": {"min_price": -1}}, "min_price"),
        ("/similar", {"k": 3}, "item_id"),
        ("/events", {"events": []}, "events: should not be empty"),
        ("/events", {"events": [{"event_id": "x", "user_id": "u", "item_id": "i", "timestamp": 10**12}]}, "future"),
        ("/events", {"events": [{"event_id": "x", "user_id": "u", "item_id": "i", "timestamp": 10**40}]}, "timestamp"),
        ("/events", {"events": [{"event_id": "x", "user_id": "u", "item_id": "i", "event_type": "theft"}]}, "view"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_words(service, path, body, word):
    answer = service.post(path, **body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    assert word in answer.json()["error"]
    assert "Request" not in answer.text
    assert "pydantic" not in answer.text


def test_a_refusal_is_bounded_and_leaves_no_traceback_in_the_log(service, folder):
    answer = service.post("/events", events=[{f"{i}" + "x" * 500: i for i in range(100)}])
    assert answer.status_code == 400
    assert answer.json()["error"].endswith("more")
    assert len(answer.text) < 2000
    assert "Traceback" not in (folder / "service.log").read_text()


def test_the_first_page_names_the_routes_and_no_foreign_host(service):
    page = service.get("/")
    assert "POST /recommend" in page.json()["routes"]
    assert "://" not in page.text
    for path in ("/static_content/index.css", "/static_content/", "/assets/x", "/docs.json"):
        assert service.get(path).status_code == 404


def test_an_event_before_the_cut_off_is_stored_once_and_the_sender_is_told_it_does_not_count(service):
    before = service.ids(user_id="early")
    event = {"event_id": "early", "user_id": "early", "item_id": "i05", "timestamp": 1_000_000_000}
    first, again = (service.post("/events", events=[event]).json() for _ in range(2))
    assert (first["accepted"], first["before_cutoff"]) == (1, 1)
    assert "before the release's cut-off" in first["note"]
    assert (again["accepted"], again["repeated"]) == (0, 1)
    assert service.ids(user_id="early") == before


def test_a_purchase_stamped_today_counts_in_a_release_of_the_past(service):
    before = service.ids(user_id="modern", k=5)
    event = {"event_id": "today", "user_id": "modern", "item_id": "i50", "timestamp": int(time.time())}
    assert service.post("/events", events=[event]).json()["before_cutoff"] == 0
    answer = service.recommend(user_id="modern", k=5)
    assert answer["fallback"] is None
    assert [item["item_id"] for item in answer["items"]] != before


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff\xfe", b'"\\ud800"', b"null", b"[" * 20_000, b'{"k":NaN}', b""])
def test_broken_bodies_are_refused_not_failed_on(service, raw):
    answer = service.client.post("/recommend", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/vnd.bentoml+pickle"])
def test_only_json_is_read(service, kind):
    answer = service.client.post("/recommend", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_large_bodies_are_refused_declared_or_not(service):
    big = b" " * 300_000
    headers = {"Content-Type": "application/json"}
    assert service.client.post("/recommend", content=big, headers=headers).status_code == 413
    chunks = (big[:10_000] for _ in range(30))
    assert service.client.post("/recommend", content=chunks, headers=headers).status_code == 413
    assert service.recommend(user_id="u00")["items"]


def test_exposures_are_logged_as_shown_with_the_variant_of_the_user(service, folder):
    answers = [service.recommend(user_id=f"u{i:02}", k=3) for i in range(20)]
    assert {answer["variant"] for answer in answers} == {"control", "treatment"}
    assert service.recommend(user_id="u00")["variant"] == answers[0]["variant"]
    with sqlite3.connect(folder / "state" / "service.db") as db:
        db.row_factory = sqlite3.Row
        rows = db.execute(
            "select * from exposures where request_id = ? order by position", (answers[3]["request_id"],)
        ).fetchall()
    assert tuple(rows[0].keys()) == schema.EXPOSURES
    assert [row["item_id"] for row in rows] == [item["item_id"] for item in answers[3]["items"]]
    assert [row["position"] for row in rows] == [1, 2, 3]
    assert {(r["user_id"], r["experiment"], r["variant"], r["propensity"], r["release"]) for r in rows} == {
        ("u03", "recency", answers[3]["variant"], 1.0, answers[3]["release"])
    }


def test_the_service_says_what_it_serves_and_counts(service):
    described = service.get("/release").json()
    assert described["version"] is None
    assert described["facts"]["users"] == 96
    assert service.get("/health").json()["status"] == "ok"
    service.recommend(user_id="nobody at all")
    metrics = service.get("/metrics").text
    assert 'shoploop_fallbacks_total{endpoint="recommend"}' in metrics
    assert "shoploop_release_swaps_total 1.0" in metrics
