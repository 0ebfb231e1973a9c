"""Starting: a taken port, settings that are wrong, and a Bento that needs no MLflow."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core import bundle, layout
from components.core.errors import ConfigError, StateError
from components.release.assemble import assemble
from services import admin, release_watcher
from services.__main__ import HOST, claim
from services.desk import Desk
from services.messages import RecommendRequest
from services.release_watcher import ReleaseWatcher
from services.settings import Settings, read_settings
from services.state import State

PROJECT = Path(__file__).parents[2]


def test_a_taken_port_is_named_with_a_remedy():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} on 127.0.0.1 cannot be used .* --port 0"):
            claim(port)
    assert claim(0) > 0


def test_an_admin_port_that_is_taken_or_the_same_ends_at_once_with_one_line_and_code_2(tmp_path):
    """As a worker listens on it: shared, so that another service would share it without a word."""
    taken = admin._listening(HOST, claim(0))
    taken.listen()
    port, free = taken.getsockname()[1], claim(0)
    (code, said), (same, same_said) = (
        serve(tmp_path, "--port", str(free), "--admin-port", str(port)),
        serve(tmp_path, "--port", str(free), "--admin-port", str(free)),
    )
    taken.close()
    assert (code, same) == (same, 2), (said, same_said)
    assert said == (
        f"shoploop: port {port} on 127.0.0.1 cannot be used (Address already in use); stop what uses it, or choose "
        "another: --admin-port names it."
    )
    assert same_said == f"shoploop: port {free} cannot be the admin port too; choose another --admin-port."


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SHOPLOOP_POLL_S": "0"}, "'poll_s'"),
        ({"SHOPLOOP_CLOCK": "sundial"}, "'clock'"),
        ({"SHOPLOOP_EXPERIMENT": "{"}, "SHOPLOOP_EXPERIMENT: not JSON"),
        ({"SHOPLOOP_EXPERIMENT": '{"name": "a b"}'}, "experiment.name"),
        ({"SHOPLOOP_EXPERIMENT": '{"name": "a", "shares": {"control": 0.9, "treatment": 0.9}}'}, "sum to 1"),
        ({"SHOPLOOP_SEARCH_ENGINE": "localhost:9200"}, "'search_engine'.* 'localhost:9200' is no address"),
        ({"SHOPLOOP_SEARCH_ENGINE": "http://shop:secret@host:9200"}, "no user or password"),
        ({"SHOPLOOP_ORIGINS": "https://a.example,shop.example"}, "'origins'.* 'shop.example' is no web page's origin"),
    ],
)
def test_wrong_settings_are_named(variables, words):
    with pytest.raises(ConfigError, match=words):
        read_settings(variables)


def test_settings_not_set_take_their_defaults():
    settings = read_settings({"SHOPLOOP_RELEASE": "", "SHOPLOOP_POLL_S": "2"})
    assert settings.release is None
    assert settings.poll_s == 2


@pytest.fixture
def served_release(trained_shop, tmp_path):
    root = shutil.copytree(trained_shop, tmp_path / "shop")
    assemble(root, "shop", {})
    return root / layout.RELEASE


def serve(tmp_path, *options, **variables):
    """What `serve` says and the code it ends with."""
    environment = os.environ | {"SHOPLOOP_STATE": str(tmp_path / "state")} | variables
    command = [sys.executable, "-m", "services", "serve", *options]
    ended = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return ended.returncode, ended.stderr.strip()


def test_what_can_never_serve_ends_at_once_with_one_line_and_code_2(served_release, tmp_path):
    (tmp_path / "file").write_text("x")
    experiment = '{"name": "a", "shares": {"control": 0.5, "treatment": 0.5}, "treatment_model": "oracle"}'
    release = ("--release", str(served_release))
    for (code, said), words in (
        (serve(tmp_path, "--release", "/nonexist"), "no such file"),
        (serve(tmp_path, *release, SHOPLOOP_STATE=str(tmp_path / "file" / "state")), "SHOPLOOP_STATE"),
        (serve(tmp_path, *release, SHOPLOOP_EXPERIMENT=experiment), "no model 'oracle'"),
    ):
        assert code == 2, said
        assert words in said
        assert said.startswith("shoploop: ")
        assert len(said.splitlines()) == 1


def test_a_worker_with_nothing_to_serve_is_not_ready_and_says_why(tmp_path):
    settings = Settings(release=tmp_path / "nothing", state=tmp_path / "state")
    desk = Desk(settings, State(settings.state))
    watcher = ReleaseWatcher(settings, desk.check, lambda: None)
    watcher.start()
    try:
        assert watcher.current is None
        assert "no such file" in watcher.refused.reason
    finally:
        watcher.stop()


def until(condition, seconds=20):
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.02)
    assert condition()


def test_a_folder_that_was_not_there_at_the_start_serves_once_it_is(served_release, tmp_path, monkeypatch):
    monkeypatch.setattr(release_watcher, "RETRY_S", 0.05)
    settings = Settings(release=tmp_path / "mounted late", state=tmp_path / "state")
    watcher = ReleaseWatcher(settings, Desk(settings, State(settings.state)).check, lambda: None)
    watcher.start()
    try:
        assert watcher.pending
        shutil.copytree(served_release, tmp_path / "copy").rename(settings.release)
        until(lambda: watcher.current is not None)
        assert watcher.refused is None
    finally:
        watcher.stop()


def test_a_worker_that_starts_while_the_store_of_events_is_away_serves_what_it_can(served_release, tmp_path):
    (tmp_path / "state").touch()
    settings = Settings(release=served_release, state=tmp_path / "state")
    desk = Desk(settings, State.of(settings))
    watcher = ReleaseWatcher(settings, desk.check, lambda: None)
    with pytest.raises(StateError):
        desk.state.ensure_open()
    assert "cannot keep its state there" in desk.state.trouble
    watcher.start()
    assert (watcher.refused, watcher.current is None) == (None, False)
    assert desk.recommend(RecommendRequest(history=["i01"]), watcher.current).items
    with pytest.raises(StateError):
        desk.recommend(RecommendRequest(user_id="u00"), watcher.current)
    (tmp_path / "state").unlink()
    assert desk.recommend(RecommendRequest(user_id="u00"), watcher.current).items
    desk.state._log_again_at = 0.0
    assert desk.recommend(RecommendRequest(user_id="u00"), watcher.current).items
    assert desk.state.trouble is None


def test_a_worker_whose_last_release_is_spoilt_starts_without_it_and_says_why(tmp_path):
    state = tmp_path / "state"
    bundle.write_json(state / "releases" / "last_served.json", {"version": "1", "digest": 7})
    settings = Settings(root=tmp_path, state=state)
    watcher = ReleaseWatcher(settings, lambda release: None, lambda: None)
    watcher.start()
    try:
        assert watcher.current is None
        assert "'7' is not a digest" in watcher.refused.reason
    finally:
        watcher.stop()


@pytest.fixture
def bento(trained_shop, tmp_path):
    """What `bentoml build` makes of the project with a small release."""
    project = tmp_path / "project"
    shutil.copytree(trained_shop, project)
    assemble(project, "shop", {})
    for name in ("components", "services"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "bentofile.yaml", project)
    variables = os.environ | {"BENTOML_HOME": str(tmp_path / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(
        command, cwd=project, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    tag = built.stdout.strip().rpartition("__tag__:")[2]
    shutil.rmtree(project)
    return tmp_path / "home" / "bentos" / Path(*tag.split(":"))


@pytest.mark.slow
def test_a_bento_serves_its_release_without_mlflow(bento, start_command, tmp_path):
    port = claim(0)
    command = [sys.executable, "-m", "bentoml", "serve", str(bento), "--host", HOST, "--port", str(port)]
    surroundings = {
        "cwd": str(tmp_path),
        "url": f"http://{HOST}:{port}",
        "SHOPLOOP_STATE": str(tmp_path / "state"),
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "BENTOML_HOME": str(tmp_path / "home"),
    }
    with start_command(command, tmp_path, **surroundings) as service:
        assert len(service.ids(user_id="u00", k=5)) == 5
        assert service.get("/health").json() == {
            "status": "ok", "version": None, "refused": None, "doubt": None, "canary": None,
            "champion": None, "registry_error": None, "store_error": None,
        }  # fmt: skip
