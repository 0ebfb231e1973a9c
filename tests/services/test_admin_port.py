"""A real service that asks for keys and has an admin port: what is where, and what a worker tells about itself."""

import shutil
import sqlite3
from contextlib import closing

import httpx
import pytest

from components.commands.history import REFUSALS, _served
from components.core import layout
from components.core.api_keys import KEYS_FILE, add_key
from components.core.ports import probe
from components.online.sqlite_store import SqliteStore
from components.release.assemble import assemble
from components.steps.answer_lineage import logged

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keyed(start, trained_shop, tmp_path_factory):
    """The service, its admin address, and a key for each of two scopes."""
    folder = tmp_path_factory.mktemp("keyed")
    root = shutil.copytree(trained_shop, folder / "project")
    assemble(root, "shop", {"data_digest": "d"})
    keys = {
        scope: add_key(folder / "state" / KEYS_FILE, scope, (scope,), "2026-01-01T00:00:00Z")[1]
        for scope in ("recommend", "events", "admin")
    }
    port = probe()
    settings = {"SHOPLOOP_RELEASE": str(root / layout.RELEASE), "SHOPLOOP_KEYS": "always"}
    with start(folder, SHOPLOOP_ADMIN_PORT=str(port), **settings) as service:
        yield (
            service,
            f"http://127.0.0.1:{port}",
            {k: {"Authorization": f"Bearer {v}"} for k, v in keys.items()},
            folder,
        )


def test_public_and_admin_routes_have_their_port_and_their_key(keyed):
    service, admin, keys, _ = keyed
    ask = {"user_id": "u01"}
    assert service.client.post("/recommend", json=ask).status_code == 401
    assert service.client.post("/recommend", json=ask, headers=keys["recommend"]).status_code == 200
    assert service.client.get("/metrics", headers=keys["admin"]).status_code == 404
    assert httpx.get(f"{admin}/metrics").status_code == 401
    assert httpx.get(f"{admin}/metrics", headers=keys["recommend"]).status_code == 403
    assert httpx.get(f"{admin}/health", headers=keys["admin"]).json()["status"] == "ok"


def test_figures_tell_stages_and_the_log_no_user_and_no_key(keyed):
    service, admin, keys, folder = keyed
    answer = service.client.post("/recommend", json={"user_id": "u07"}, headers=keys["recommend"])
    text = httpx.get(f"{admin}/metrics", headers=keys["admin"]).text
    for stage in ("queue", "state", "candidates", "features", "rank", "answer", "log"):
        assert f'shoploop_stage_seconds_count{{stage="{stage}"}}' in text
    assert "shoploop_ready 1.0" in text
    log = (folder / "service.log").read_text()
    assert answer.json()["request_id"] in log
    assert '"u07"' not in log
    assert keys["recommend"]["Authorization"].rpartition("_")[2] not in log


def test_a_store_that_cannot_be_written_refuses_events_and_lets_answers_out_unlogged_until_it_can(keyed):
    service, admin, keys, folder = keyed
    health = lambda: httpx.get(f"{admin}/health", headers=keys["admin"]).json()  # noqa: E731
    with closing(sqlite3.connect(folder / "state" / layout.SERVICE_DATABASE, isolation_level=None)) as other:
        other.execute("begin immediate")  # as a disk that is full, nothing can be written
        event = {"event_id": "locked", "user_id": "u01", "item_id": "i03"}
        answer = service.client.post("/events", json={"events": [event]}, headers=keys["events"])
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert "locked" not in answer.text
        shown = service.client.post("/recommend", json={"user_id": "u01"}, headers=keys["recommend"])
        assert (shown.status_code, len(shown.json()["items"])) == (200, 10)
        assert (health()["status"], "database is locked" in health()["store_error"]) == ("degraded", True)
        text = httpx.get(f"{admin}/metrics", headers=keys["admin"]).text
        assert 'shoploop_refusals_total{reason="state"} 1.0' in text
        assert "shoploop_unlogged_answers_total 1.0" in text
    answer = service.client.post("/events", json={"events": [event]}, headers=keys["events"])
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert (health()["status"], health()["store_error"]) == ("ok", None)
    assert logged(SqliteStore(folder / "state" / layout.SERVICE_DATABASE), shown.json()["request_id"]) == []


def test_the_history_command_says_why_a_keyed_service_did_not_tell_it_what_it_serves(keyed):
    service, admin, keys, _ = keyed
    key = {scope: header["Authorization"].removeprefix("Bearer ") for scope, header in keys.items()}
    assert _served(service.url, key["admin"])[1].endswith("answered 404" + REFUSALS[404])
    assert _served(admin, "")[1].endswith("answered 401" + REFUSALS[401])
    assert _served(admin, key["recommend"])[1].endswith("answered 403" + REFUSALS[403])
    assert _served(admin, key["admin"]) == (None, None)  # a folder is served, and no version
    nobody = f"http://127.0.0.1:{probe()}"
    assert _served(nobody, key["admin"])[1] == f"no service answered at {nobody}"
