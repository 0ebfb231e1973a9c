"""Two workers of one service, on each store: an event told to one changes the next answer of the other."""

import shutil
import time
from contextlib import ExitStack

import httpx
import psutil
import pytest

from components.core import layout
from components.release.assemble import assemble
from tests import postgres, redis_server

pytestmark = pytest.mark.slow
SQLITE = "sqlite"
CONNECTIONS, BOTH_WITHIN_S = 12, 120  # a second worker starts late where the cores are busy


@pytest.fixture(
    params=[
        SQLITE,
        pytest.param(postgres, marks=pytest.mark.skipif(not postgres.SERVERS, reason=postgres.MISSING)),
        pytest.param(redis_server, marks=pytest.mark.skipif(not redis_server.BINARY, reason=redis_server.MISSING)),
    ],
    ids=["sqlite", "postgres", "redis"],
)
def service(request, start, trained_shop, tmp_path):
    root = shutil.copytree(trained_shop, tmp_path / "project")
    assemble(root, "shop", {})
    with ExitStack() as stack:
        url = "" if request.param == SQLITE else stack.enter_context(request.param.server())
        settings = {"SHOPLOOP_RELEASE": str(root / layout.RELEASE), "SHOPLOOP_WORKERS": "2", "SHOPLOOP_STATE_URL": url}
        yield stack.enter_context(start(tmp_path, **settings))


def answering(clients):
    """Processes at the other end of these connections."""
    ends = {client._transport._pool.connections[0]._connection._network_stream.get_extra_info("client_addr")[1]
            for client in clients}  # fmt: skip
    found = [c for c in psutil.net_connections("tcp") if c.raddr and c.raddr.port in ends]
    return {c.pid for c in found}


def connected(stack, url):
    """Connections of which each worker holds some; a worker that starts late or is busy takes none at first."""
    clients, until = [], time.monotonic() + BOTH_WITHIN_S
    while time.monotonic() < until:
        clients.append(stack.enter_context(httpx.Client(base_url=url, timeout=20)))
        clients[-1].get("/readyz")
        if len(clients) >= CONNECTIONS and len(answering(clients)) == 2:
            return clients
        if len(clients) > CONNECTIONS:
            clients.pop(0).close()
        time.sleep(0.05)
    raise AssertionError(f"one worker answered all connections of {BOTH_WITHIN_S} s")


def test_an_event_changes_the_next_answer_of_every_worker(service):
    with ExitStack() as stack:
        clients = connected(stack, service.url)

        def answers():
            return [client.post("/recommend", json={"user_id": "newcomer"}).json() for client in clients]

        assert {answer["fallback"] for answer in answers()} == {"popular"}
        event = {"event_id": "e1", "user_id": "newcomer", "item_id": "i05"}
        stored = [client.post("/events", json={"events": [event]}).json()["accepted"] for client in clients]
        assert stored == [1] + [0] * (len(clients) - 1)
        after = answers()
        assert {answer["fallback"] for answer in after} == {None}
        assert len({tuple(item["item_id"] for item in answer["items"]) for answer in after}) == 1
