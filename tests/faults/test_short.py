"""SHORT FORMS of the faults of requests and workers and of the loads of a service, all on one with two workers.

They hold counts, shapes and equality, and no time: the scripts here and in tests/load measure in full.
"""

import httpx
import pytest

from tests.faults import bodies, drain, hostile, killed_worker, poisoned
from tests.faults.shop_service import ITEMS, USERS
from tests.load import nearline, overload, recommend, search_http
from tests.load.servers import peer, service
from tests.load.shop import build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return build(tmp_path_factory.mktemp("short") / "shop", ITEMS, USERS)


@pytest.fixture(scope="module")
def shop(release):
    with service(release, SHOPLOOP_WORKERS="2") as shop:
        yield shop


def test_large_endless_and_slow_bodies_are_refused_in_bounded_memory(shop):
    found = bodies.measure(shop, each=1)
    slow = found["answers"].pop("slow")
    assert found["answers"] == {"10 MB": [413], "100 MB": [413], "endless": [413]}
    assert slow == [408] * bodies.SLOW_ONES
    assert found["more_mb"] <= bodies.MEMORY_MB


def test_no_hostile_request_gets_a_5xx_or_no_answer(shop):
    found = hostile.measure(shop, cases=120, bodies=120)
    assert (found["wrong"], found["exploded"]) == ([], 0)
    assert found["same"]


def test_a_poisoned_request_harms_no_neighbour(shop):
    found = poisoned.measure(shop, rounds=6)
    assert (found["harmed"], found["statuses"]) == (0, [400])


def test_a_killed_worker_comes_back_and_its_clients_are_answered(shop):
    found = killed_worker.measure(shop, seconds=8.0)
    assert found["share"] <= killed_worker.FAILED_SHARE


def test_an_event_told_to_one_worker_is_in_the_answers_of_both(shop):
    assert nearline.measure(shop, rounds=2)["rounds"] == 2


def test_searches_over_http_are_all_answered_and_some_in_a_persons_order(release, tmp_path):
    queries = search_http.index_of(3_000, tmp_path)
    with service(release, SHOPLOOP_SEARCH=str(tmp_path / "index")) as searched:
        found = search_http.measure(searched, queries, seconds=2.0)
        answer = searched.post("/search", **search_http.ways(queries)["in a person's order"][0])
    assert {way["failed"] for way in found.values()} == {0}
    assert {tuple(way["by_status"]) for way in found.values()} == {("200",)}
    assert (answer.status_code, answer.json()["personalised"]) == (200, True)


def test_under_overload_every_request_is_answered_or_refused(shop):
    found = overload.measure(shop, seconds=2.0, rounds=1)
    assert (found["failed"], set(found["by_status"]) - {"429"}) == (0, {"200"})


def test_the_bare_application_does_the_same_work_and_half_capacity_fails_nobody(shop, release):
    with peer(release) as url:
        for user in ("u01", "u02", "stranger"):
            theirs = httpx.post(f"{url}/recommend", json={"user_id": user, "k": 10}, timeout=20).json()["items"]
            ours = shop.recommend(user_id=user, k=10)["items"]
            assert [(i["item_id"], i["score"]) for i in ours] == [(i["item_id"], i["score"]) for i in theirs]
        _, _, half = recommend.measure(shop.url, url, seconds=1.0, rounds=1)
    assert (half["failed"], half["good"]) == (0, half["sent"])


def test_what_was_accepted_before_sigterm_is_answered(shop):  # the last: it ends the service
    found = drain.measure(shop, seconds=1.0)
    assert found["lost"] == 0
    assert found["after"] > 0
