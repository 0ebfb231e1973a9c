"""The engine for Elasticsearch and OpenSearch against an exchange written down from the servers' documentation.

No server of either kind is at hand where these tests run: what is held here is what we send, and how we read what the
documentation says is answered.
"""

import json
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.core import bundle
from components.core.errors import ConfigError
from components.search.build import BuildConfig, Extras, build
from components.search.engine import Filters, Question, Term
from components.search.engines import elasticsearch
from components.search.engines.elasticsearch import EVERYTHING, ElasticsearchEngine, EngineError
from components.search.items import read_items
from components.search.load import load
from components.search.push import NotPushedError, check_pushed, push, served_by
from tests.search_server import Handler, running, search_server

HITS = {
    "took": 2, "timed_out": False, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
    "hits": {"max_score": 7.1, "hits": [
        {"_index": "i", "_id": "8", "_score": 7.1, "fields": {"row": [8]}, "sort": [7.1, 8]},
        {"_index": "i", "_id": "3", "_score": 2.5, "fields": {"row": [3]}, "sort": [2.5, 3]},
    ]},
}  # fmt: skip
BUCKETS = {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [{"key": "Dairy", "doc_count": 4}]}


class Written(ThreadingHTTPServer):
    """Answers with what is written down in `replies`, and keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.replies = [], replies
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def reply(self, method, path, body, headers):
        self.seen.append((method, path, body, headers))
        return self.replies(method, path, body)


def replies(method, path, body):
    if path.endswith("/_bulk"):
        rows = [json.loads(line) for line in body.splitlines()[::2]]
        return 200, {"errors": False, "items": [{"index": {"_id": r["index"]["_id"], "status": 201}} for r in rows]}
    if path.endswith("/_count"):
        return 200, {"count": 5, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}}
    if "aggs" in body:
        return 200, {"hits": {"hits": []}, "aggregations": {"category": BUCKETS, "brand": {"buckets": []}}}
    return 200, HITS if path.endswith("/_search") else {"acknowledged": True}


@pytest.fixture
def server():
    with running(Written()) as found:
        yield found


def test_a_question_is_put_in_the_servers_words(server):
    question = Question(
        (Term((("milk", 1.0), ("dairy", 0.7))),), 1, Filters(("Dairy",), None, 1.0, None, in_stock=True)
    )
    hits = ElasticsearchEngine(server.url, "shop").find(question, 10)
    assert hits.rows.tolist() == [8, 3]
    assert hits.scores.tolist() == pytest.approx([7.1, 2.5])
    method, path, body, _ = server.seen[0]
    sent = json.loads(body)
    assert (method, path, sent["size"]) == ("POST", "/shop/_search", 10)
    assert sent["query"]["bool"]["filter"] == [
        {"terms": {"category_key": ["Dairy"]}},
        {"range": {"price": {"gte": 1.0}}},
        {"range": {"stock": {"gt": 0}}},
    ]
    places = sent["query"]["bool"]["must"][0]["bool"]["should"][0]["bool"]["should"]
    assert {"term": {"title": {"value": "milk", "boost": 3.0}}} in places
    assert {"term": {"title": {"value": "dairy", "boost": 2.1}}} in places


def test_an_index_is_pushed_as_it_was_cut_and_asked_in_its_place(server, index, shop_files, monkeypatch):
    held = {"count": len(index)}
    server.replies = lambda *asked: (200, held) if asked[2] == json.dumps(EVERYTHING) else replies(*asked)
    monkeypatch.setenv("SHOPLOOP_SEARCH_KEY", "secret")
    name = push(index, read_items(shop_files / "items.csv", {}), server.url)
    assert name == f"shoploop-{index.digest[:16]}"
    (made, bulk, refreshed, _) = server.seen
    assert (made[0], refreshed[1]) == ("PUT", f"/{name}/_refresh")
    assert made[3]["Authorization"] == "ApiKey secret"
    lines = [json.loads(line) for line in bulk[2].splitlines()]
    assert len(lines) == 2 * len(index)
    assert lines[1]["title"] == "whole milk 1000ml"
    there = served_by(index, server.url)
    assert np.array_equal(there.search("milk", 2).hits.rows, [8, 3])
    total, facets = there.facets(there.search("milk", 2), None, 5)
    assert (total, facets["category"]) == (5, [("Dairy", 4)])


def test_a_server_that_refuses_is_told(server, index, shop_files):
    def full(method, path, body):
        error = {"index": {"_id": "0", "status": 429, "error": {"type": "es_rejected", "reason": "queue full"}}}
        return (200, {"errors": True, "items": [error]}) if path.endswith("_bulk") else (200, {})

    server.replies = full
    with pytest.raises(EngineError, match="queue full"):
        push(index, read_items(shop_files / "items.csv", {}), server.url)
    server.replies = lambda *_: (500, {"error": "broken"})
    with pytest.raises(EngineError, match="500"):
        ElasticsearchEngine(server.url, "shop").count(Question(()))


@pytest.mark.parametrize("url", ["ftp://host", "host:9200", "http://host/path", "http://user:pass@host:9200", ""])
def test_only_a_plain_address_is_one(url):
    with pytest.raises(ConfigError):
        ElasticsearchEngine(url, "shop")


def shop_of(n, seen):
    """Replies of a server with n items that all match, row 0 best; it refuses what is documented as refused."""

    def replies(method, path, body):
        asked = json.loads(body)
        if asked["size"] > 10_000:
            return 400, {"error": {"reason": f"Result window is too large, [{asked['size']}]"}}
        rows = range(n)
        if "terms" in (only := asked["query"].get("bool", {}).get("filter", [{}])[0]):
            if len(only["terms"]["row"]) > 65_536:
                return 400, {"error": {"reason": "The number of terms has exceeded the allowed maximum of [65536]"}}
            rows = only["terms"]["row"]
        hits = [{"_score": 1.0, "fields": {"row": [row]}} for row in rows[: asked["size"]]]
        seen.append(len(hits))
        return 200, {"hits": {"hits": hits}}

    return replies


def test_scarce_stock_is_found_behind_the_largest_answer_that_a_server_gives(server):
    server.replies = shop_of(200_000, seen := [])
    kept = np.zeros(200_000, bool)
    kept[[150_000, 199_999]] = True
    engine, milk = ElasticsearchEngine(server.url, "shop"), Question((Term((("milk", 1.0),)),), 1)
    assert engine.find(milk, 10, kept).rows.tolist() == [150_000, 199_999]
    assert max(seen) == 10_000
    kept[100_000:] = True  # more than one filter takes
    assert engine.find(milk, 3, kept).rows.tolist() == [100_000, 100_001, 100_002]


def test_a_push_that_was_interrupted_is_told_from_a_whole_one_and_completed_by_the_next(index, shop_files, monkeypatch):
    monkeypatch.setattr(elasticsearch, "BULK", 4)
    items = read_items(shop_files / "items.csv", {})
    with search_server() as there:
        with pytest.raises(NotPushedError, match=rf"holds 0 of its {len(index)} items; push it first: shoploop search"):
            check_pushed(index, there.url)
        there.bulks_left = 1
        with pytest.raises(EngineError, match="the machine is full"):
            push(index, items, there.url)
        with pytest.raises(NotPushedError, match=f"holds 4 of its {len(index)} items"):
            check_pushed(index, there.url)
        there.bulks_left = None
        for _ in range(2):  # and one that is whole may be pushed again
            name = push(index, items, there.url)
            check_pushed(index, there.url)
        assert sorted(map(int, there.indices[name])) == list(range(len(index)))
        assert not [asked for asked in there.asked if asked[0] == "DELETE"]


def test_half_an_index_on_the_server_is_not_asked_by_the_command_line(index_folder, index):
    with search_server() as there:
        there.indices[f"shoploop-{index.digest[:16]}"] = {"0": {}}
        ended = CliRunner().invoke(main, ["search", "query", str(index_folder), "milk", "--engine", there.url])
    assert ended.exit_code == 2
    assert f"holds 1 of its {len(index)} items; push it first" in ended.output


def test_one_index_has_one_name_whatever_it_was_made_from_and_wherever_it_is_sealed(shop_files, index, tmp_path):
    extras = Extras(rules=[(("tv", "television"), ("tv", "television"))], queries={"milk chocolate": 5.0})  # as its own
    with bundle.originating({"config": "another"}):
        build(
            read_items(shop_files / "items.csv", {}), BuildConfig(), tmp_path / "made", np.random.default_rng(1), extras
        )
    made = load(tmp_path / "made")
    assert bundle.digest(tmp_path / "made") != bundle.content_digest(tmp_path / "made") == made.digest == index.digest
