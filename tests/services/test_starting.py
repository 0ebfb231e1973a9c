"""Starting: a taken port, settings that are wrong, and a Bento that needs no MLflow."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from components.core.errors import ConfigError
from components.release.assemble import assemble
from services.__main__ import HOST, claim
from services.settings import read_settings

PROJECT = Path(__file__).parents[2]


def test_a_taken_port_is_named_with_a_remedy():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} on 127.0.0.1 cannot be used .* --port 0"):
            claim(port)
    assert claim(0) > 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SHOPLOOP_POLL_S": "0"}, "'poll_s'"),
        ({"SHOPLOOP_CLOCK": "sundial"}, "'clock'"),
        ({"SHOPLOOP_EXPERIMENT": "{"}, "SHOPLOOP_EXPERIMENT: not JSON"),
        ({"SHOPLOOP_EXPERIMENT": '{"name": "a b"}'}, "experiment.name"),
        ({"SHOPLOOP_EXPERIMENT": '{"name": "a", "shares": {"control": 0.9, "treatment": 0.9}}'}, "sum to 1"),
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
            "status": "ok", "version": None, "refused": None, "registry_error": None,
        }  # fmt: skip
