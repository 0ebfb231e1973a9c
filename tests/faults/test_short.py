"""Every fault once, short, on one service of two workers: the scripts beside this file measure them in full."""

import pytest

from tests.faults import bodies, drain, hostile, killed_worker, poisoned
from tests.faults.shop_service import small_service
from tests.load import catalogue_size

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop():
    with small_service(workers=2) as shop:
        yield shop


def test_large_endless_and_slow_bodies_are_refused_in_bounded_memory(shop):
    found = bodies.measure(shop, each=1)
    slow = found["answers"].pop("slow")
    assert found["answers"] == {"10 MB": [413], "100 MB": [413], "endless": [413]}
    assert slow == [408] * bodies.SLOW_ONES
    assert found["more_mb"] <= bodies.MEMORY_MB


def test_no_hostile_request_gets_a_5xx_or_no_answer(shop):
    found = hostile.measure(shop, cases=120, bodies=120)
    assert found["wrong"] == []
    assert found["same"]


def test_a_poisoned_request_harms_no_neighbour(shop):
    found = poisoned.measure(shop, rounds=6)
    assert (found["harmed"], found["statuses"]) == (0, [400])


def test_a_killed_worker_comes_back_and_its_clients_are_answered(shop):
    found = killed_worker.measure(shop, seconds=8.0)
    assert found["share"] <= killed_worker.FAILED_SHARE


def test_the_index_of_a_large_catalogue_keeps_its_recall_and_fills_lists():
    hybrid, histories = catalogue_size.drawn(101_000)
    assert hybrid.retrieval.checked["als"].recall >= catalogue_size.RECALL
    one = histories.take([0, 1, 2])
    assert all(len(set(order.first(50)[0].tolist())) == 50 for order in _orders(hybrid, one))


def _orders(hybrid, histories):
    hybrid.ranker = catalogue_size.ranker(*catalogue_size.drawn(2_000))
    return hybrid.orders(histories)


def test_what_was_accepted_before_sigterm_is_answered(shop):  # the last: it ends the service
    found = drain.measure(shop, seconds=1.0)
    assert found["lost"] == 0
    assert found["after"] > 0
