"""The service knows people by the release's own names: it hashes as validate does, stores no raw id, and does not
serve a release whose key it lacks."""

import os
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from components.core import bundle, layout
from components.core import schema as s
from components.core.dataset import Dataset
from components.core.errors import ReleaseError
from components.core.pseudonyms import KEY_VARIABLE, PseudonymKey, make_key, retire_key
from components.release.assemble import assemble
from components.splits import store
from services.desk import Desk
from services.messages import Event, EventsRequest, RecommendRequest
from services.release_cache import serving
from services.settings import Settings
from services.state import State

KEY = PseudonymKey("k" * 32)


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_an_id_is_one_id_in_whatever_unicode_form_an_app_sends_it():
    assert RecommendRequest(user_id="Zoe\u0308").user_id == "Zo\u00eb"
    assert RecommendRequest(history=["cafe\u0301", "7"]).history == ["caf\u00e9", "7"]


@pytest.fixture(scope="module")
def now(trained_shop, tmp_path_factory):
    """The trained shop as if validate had hashed its user ids."""
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("persons") / "shop")
    at = root / layout.SPLIT / layout.TEST_FOLD / store.DATASET
    data = store.load_dataset(at)
    h = data.histories
    hashed = np.array([KEY.pseudonym(one) for one in data.users.ids.tolist()])
    store.save_dataset(at, Dataset.from_events(hashed[h.rows], data.items.ids[h.items], h.times, data.now))
    bundle.write_json(root / layout.PSEUDONYMS, {"key_fingerprint": KEY.fingerprint})
    return serving(assemble(root, "shop", {}), None)


@pytest.fixture
def desk(now, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY.secret)
    settings = Settings(state=tmp_path / "state", root=tmp_path)
    desk = Desk(settings, State(settings.state))
    desk.check(now.release)
    return desk


def stored(desk, table):
    with closing(sqlite3.connect(desk.state.store.path)) as con:
        return {row[0] for row in con.execute(f"select {s.USER_ID} from {table}")}


def test_a_known_person_is_known_by_the_shop_s_own_id(desk, now):
    answer = desk.recommend(RecommendRequest(user_id="u07"), now)
    assert answer.fallback is None
    assert stored(desk, "exposures") == {KEY.pseudonym("u07")}


def test_a_replay_of_our_own_tables_is_not_hashed_twice(desk, now):
    asked = RecommendRequest(user_id=KEY.pseudonym("u07"), pseudonymous=True)
    assert desk.recommend(asked, now).items == desk.recommend(RecommendRequest(user_id="u07"), now).items
    assert stored(desk, "exposures") == {KEY.pseudonym("u07")}


def test_what_only_says_it_is_a_pseudonym_is_not_stored_raw(desk, now):
    desk.recommend(RecommendRequest(user_id="ann@example.org", pseudonymous=True), now)
    assert stored(desk, "exposures") == {KEY.pseudonym("ann@example.org")}


def test_events_are_stored_under_the_pseudonym_and_count_in_the_next_answer(desk, now):
    told = EventsRequest(events=[Event(event_id="1", user_id="王小明", item_id="i05")])
    desk.events(told, now)
    assert stored(desk, "events") == {KEY.pseudonym("王小明")}
    assert desk.recommend(RecommendRequest(user_id="王小明"), now).fallback is None


def test_no_byte_of_the_raw_id_reaches_the_service_s_files(desk, now):
    desk.recommend(RecommendRequest(user_id="ann@example.org"), now)
    files = [path.read_bytes() for path in desk.state.store.path.parent.rglob("*") if path.is_file()]
    assert files and not any(b"ann@example.org" in content for content in files)


@pytest.mark.parametrize("other", [None, "x" * 32])
def test_without_the_right_key_a_release_is_refused_with_words(now, tmp_path, monkeypatch, other):
    if other:
        monkeypatch.setenv(KEY_VARIABLE, other)
    settings = Settings(state=tmp_path / "state", root=tmp_path)
    with pytest.raises(ReleaseError, match=f"pseudonyms of the key {KEY.fingerprint}, which is not here"):
        Desk(settings, State(settings.state)).check(now.release)


def test_a_release_of_a_retired_key_can_still_be_served(now, tmp_path):
    state = tmp_path / layout.STATE
    state.mkdir()
    (state / layout.PSEUDONYM_KEY.name).write_text(KEY.secret)
    retire_key(state)
    make_key(state)
    desk = Desk(Settings(state=tmp_path / "elsewhere", root=tmp_path), State(tmp_path / "elsewhere"))
    desk.check(now.release)
    assert desk.recommend(RecommendRequest(user_id="u07"), now).fallback is None


@pytest.mark.slow
def test_the_running_service_needs_the_key_to_be_ready(start_command, now, trained_shop, tmp_path):
    import subprocess
    import sys

    root = shutil.copytree(trained_shop, tmp_path / "shop")
    bundle.write_json(root / layout.PSEUDONYMS, {"key_fingerprint": KEY.fingerprint})
    assemble(root, "shop", {})
    command = [sys.executable, "-m", "services", "serve", "--release", str(root / layout.RELEASE)]
    environment = os.environ | {"SHOPLOOP_STATE": str(tmp_path / "state"), "SHOPLOOP_ROOT": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert KEY.fingerprint in ended.stderr
    settings = {"SHOPLOOP_STATE": str(tmp_path / "state"), KEY_VARIABLE: KEY.secret}
    with start_command(command, tmp_path, **settings) as service:
        assert len(service.recommend(user_id="ann@example.org", k=3)["items"]) == 3
