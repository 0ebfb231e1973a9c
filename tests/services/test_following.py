"""The service follows the champion of a real MLflow registry, under load, and refuses what does not verify."""

import json
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlparse

import httpx
import pytest

from components.core import layout
from components.promotion.history import PROMOTED, REFUSED, TAKEN_UP, History, trouble
from components.promotion.promotions import ANCHOR_NOTE, REFUSED_TAG
from components.steps.register import RegisterConfig, register
from components.tracking.registry import CHAMPION, ModelRegistry
from services.release_ledger import SERVICE_TAG
from tests.conftest import judge_anew

pytestmark = pytest.mark.slow
VISIBLE_WITHIN_S = 5


@pytest.fixture(scope="module")
def registry(project, other_shop):
    """Version 1 is champion; 2, 3 and 4 are other releases, judged against it; version 3's files are altered."""
    registry = ModelRegistry(root=project)
    for _ in range(3):
        shutil.rmtree(project / layout.ARTIFACTS)
        shutil.copytree(other_shop / layout.ARTIFACTS, project / layout.ARTIFACTS)
        _as_its_own(project, len(registry.versions()))
        judge_anew(project)
        register(RegisterConfig(), project, 1)
    spoilt = Path(urlparse(registry.version("3").source).path) / "catalogue.parquet"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"?")
    return registry


def _as_its_own(project, number):
    """Another choice of candidates makes another release, with another digest."""
    from components.core import bundle

    folder = project / layout.RANKER
    choice = bundle.read_json(folder / "choice.json")
    bundle.write_json(folder / "choice.json", choice | {"candidates_per_model": 10 + number})
    bundle.seal(folder, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("following")


@pytest.fixture(scope="module")
def service(start, project, registry, folder):
    assert registry.aliases()[CHAMPION] == "1"
    with start(folder, SHOPLOOP_ROOT=str(project)) as service:
        yield service


def serves(service, version):
    return lambda: service.get("/release").json()["version"] == version


class Load(threading.Thread):
    """Requests one after the other until it is stopped."""

    def __init__(self, url):
        super().__init__()
        self.url, self.answers, self.stopped = url, [], threading.Event()

    def run(self):
        with httpx.Client(base_url=self.url, timeout=20) as client:
            while not self.stopped.is_set():
                answer = client.post("/recommend", json={"user_id": "u00", "k": 5})
                body = answer.json() if answer.status_code == 200 else {}
                self.answers.append((answer.status_code, body.get("version"), body.get("release")))


def test_a_moved_alias_is_followed_under_load_without_a_failed_request(service, registry):
    service.wait_until(serves(service, "1"), 5)
    loads = [Load(service.url) for _ in range(3)]
    for load in loads:
        load.start()
    try:
        for version in ("2", "1", "2"):
            registry.set_alias(CHAMPION, version)
            service.wait_until(serves(service, version), VISIBLE_WITHIN_S)
    finally:
        for load in loads:
            load.stopped.set()
            load.join()
    answers = [answer for load in loads for answer in load.answers]
    assert {status for status, _, _ in answers} == {200}
    assert {(v, r) for _, v, r in answers} == {(n, registry.version(n).tags["release_digest"]) for n in ("1", "2")}


def test_an_altered_release_is_refused_and_the_alias_goes_back_with_a_reason_on_the_version(service, registry, project):
    registry.set_alias(CHAMPION, "3")
    service.wait_until(lambda: service.get("/release").json()["refused"], VISIBLE_WITHIN_S)
    described = service.get("/release").json()
    assert described["version"] == "2"
    assert described["refused"]["version"] == "3"
    assert "catalogue.parquet was altered" in described["refused"]["reason"]
    service.wait_until(lambda: service.get("/health").json()["status"] == "ok", VISIBLE_WITHIN_S)
    assert registry.aliases()[CHAMPION] == "2"
    assert "catalogue.parquet was altered" in registry.version("3").tags[REFUSED_TAG]
    assert service.recommend(user_id="u00")["version"] == "2"


def test_what_was_done_in_mlflow_stands_in_the_history(service, registry, project):
    entries = History(project).entries()
    assert [(e.action, e.version) for e in entries] == [
        (PROMOTED, "1"), (TAKEN_UP, "2"), (TAKEN_UP, "1"), (TAKEN_UP, "2"), (REFUSED, "3")
    ]  # fmt: skip
    assert trouble(entries, registry.standing().notes[ANCHOR_NOTE]) is None


def test_a_release_judged_against_another_champion_is_not_taken_up(service, registry, project):
    registry.set_alias(CHAMPION, "4")
    service.wait_until(lambda: History(project).last().version == "4", VISIBLE_WITHIN_S)
    service.wait_until(lambda: service.get("/health").json()["status"] == "ok", VISIBLE_WITHIN_S)
    words = "its gates held it against version 1, and version 2 is champion now"
    assert words in service.get("/release").json()["refused"]["reason"]
    assert words in registry.version("4").tags[REFUSED_TAG]
    assert (History(project).last().action, registry.aliases()[CHAMPION]) == (REFUSED, "2")
    assert service.recommend(user_id="u00")["version"] == "2"


@contextmanager
def held(database):
    """Nobody else can write to this SQLite file."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield
        connection.rollback()


def test_champions_change_while_the_store_of_events_is_held_by_somebody_else(service, registry, project, folder):
    before = len(History(project).entries())
    with held(folder / "state" / layout.SERVICE_DATABASE):
        for version in ("1", "2"):
            registry.set_alias(CHAMPION, version)
            service.wait_until(serves(service, version), VISIBLE_WITHIN_S)
    assert [(e.action, e.version) for e in History(project).entries()[before:]] == [(TAKEN_UP, "1"), (TAKEN_UP, "2")]


def test_a_full_disk_refuses_no_release_that_serves_and_what_serves_is_noted_later(service, registry, folder):
    note = folder / "state" / "releases" / "last_served.json"
    note.unlink()
    (note / "in the way").mkdir(parents=True)
    registry.set_alias(CHAMPION, "1")
    service.wait_until(serves(service, "1"), VISIBLE_WITHIN_S)
    time.sleep(2)  # two more looks
    assert service.get("/health").json()["refused"] is None
    assert SERVICE_TAG not in registry.version("1").tags
    assert service.log.read_text().count("the next start would not know it yet") == 1
    shutil.rmtree(note)
    service.wait_until(lambda: note.is_file() and json.loads(note.read_text())["version"] == "1", VISIBLE_WITHIN_S)
    registry.set_alias(CHAMPION, "2")
    service.wait_until(serves(service, "2"), VISIBLE_WITHIN_S)


def test_an_alias_that_is_taken_away_is_told_and_nothing_is_chosen(service, registry):
    registry.clear_alias(CHAMPION)
    service.wait_until(lambda: service.get("/health").json()["doubt"], VISIBLE_WITHIN_S)
    assert service.get("/health").json()["doubt"] == (
        "champion in doubt: the registry's alias says none; the history says 2; the service says 2"
    )
    assert service.recommend(user_id="u00")["version"] == "2"
    registry.set_alias(CHAMPION, "2")
    service.wait_until(lambda: service.get("/health").json()["doubt"] is None, VISIBLE_WITHIN_S)


def test_it_starts_from_its_verified_copy_when_the_registry_is_away(service, start, folder, tmp_path):
    service.wait_until(serves(service, "2"), VISIBLE_WITHIN_S)
    shutil.copytree(folder / "state", tmp_path / "state")
    with start(tmp_path, MLFLOW_TRACKING_URI="http://127.0.0.1:9") as alone:
        assert alone.recommend(user_id="u00")["version"] == "2"
        alone.wait_until(lambda: alone.get("/health").json()["registry_error"], 60)
        assert alone.recommend(user_id="u00")["version"] == "2"
