"""The deploy files, read as what they are: pinned images, loopback ports, health, secrets, figures that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
import yaml
from prometheus_client import REGISTRY

from components.core import layout
from services.figures import figures

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SECRET = re.compile(r"PASSWORD|SECRET|AUTH_STRING|_KEY$")


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_an_exact_version_and_a_health_check(name):
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.match(r"v?\d+\.\d+", tag), tag
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_bound_to_loopback(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_from_the_environment(name):
    for variable, value in SERVICES[name].get("environment", {}).items():
        if SECRET.search(variable) or "@" in str(value):
            assert re.search(r"\$\{\w+:\?", value), variable


def test_every_secret_is_named_in_the_example_and_has_no_value_there():
    text = (DEPLOY / "docker-compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+)", text)) | {secret["environment"] for secret in COMPOSE["secrets"].values()}
    lines = [line for line in (DEPLOY / "env.example").read_text().splitlines() if not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    assert asked == set(given)
    assert {name for name, value in given.items() if value} == {"SHOPLOOP_CLOCK"}


def test_base_images_are_pinned_and_nothing_runs_as_root():
    for name in ("Dockerfile", "Dockerfile.mlflow"):
        text = (DEPLOY / name).read_text()
        assert re.search(r"^FROM python:3\.11\.\d+-slim-\w+$", text, re.MULTILINE)
        assert re.search(r"^USER (?!root)\w+$", text, re.MULTILINE)


def test_mounted_files_are_there():
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def mounted(name):
    """Folder in the container → what is mounted there."""
    return {PurePosixPath(v.split(":")[1]): v.split(":")[0] for v in SERVICES[name]["volumes"]}


def folder_of(name):
    """Where a container's commands run: what layout's paths are relative to."""
    return PurePosixPath(SERVICES[name].get("working_dir") or re.search(r"\nWORKDIR (\S+)\n", DOCKERFILE)[1])


def test_worker_and_service_keep_one_history_where_the_image_s_user_may_write():
    homes = {name: folder_of(name) / layout.STATE for name in ("worker", "service")}
    assert homes["worker"] != homes["service"]
    assert {mounted(name)[home] for name, home in homes.items()} == {"state"}
    assert layout.PROMOTIONS.parent == layout.STATE
    made = re.search(r"&& mkdir -p ([^&\\]+).*&& chown -R shoploop:shoploop ([^\n]+)\n", DOCKERFILE, re.DOTALL)
    folders = {str(folder_of("service") / part) for part in made[1].split()}
    assert {str(home) for home in homes.values()} <= folders  # a new volume takes its owner from the folder it covers
    assert {"/" + home.parts[1] for home in homes.values()} <= set(made[2].split())
    for name in homes:
        assert not {"SHOPLOOP_STATE", "SHOPLOOP_ROOT", "user"} & {*SERVICES[name]["environment"], *SERVICES[name]}


def test_worker_and_service_know_the_same_registry_store_and_key():
    environments = [SERVICES[name]["environment"] for name in ("worker", "service")]
    for variable in ("MLFLOW_TRACKING_URI", "SHOPLOOP_STATE_URL", "SHOPLOOP_PSEUDONYM_KEY"):
        assert environments[0][variable] == environments[1][variable]


def sent(ignore, path):
    """Whether a build is sent a file, as docker reads .dockerignore: the last line that matches decides."""
    parts, kept = PurePosixPath(path).parts, True
    starts = {"/".join(parts[:n]) for n in range(1, len(parts) + 1)}
    for line in ignore.read_text().splitlines():
        pattern, allows = line.removeprefix("!"), line.startswith("!")
        if pattern == "*" or pattern in starts or (pattern[:3] == "**/" and pattern[3:] in parts):
            kept = allows
    return kept


def test_a_build_is_sent_what_it_copies_and_neither_data_nor_state_nor_secrets():
    for folder, ignore in (
        (DEPLOY / "Dockerfile", DEPLOY.parent / ".dockerignore"),
        (DEPLOY / "Dockerfile.mlflow", DEPLOY / ".dockerignore"),
    ):
        copied = [words.split()[1:-1] for words in folder.read_text().splitlines() if words.startswith("COPY ")]
        assert all(sent(ignore, name) for names in copied for name in names)
        private = ("data/x.parquet", ".venv/bin/python", "state/keys.json", "deploy/.env", ".env", "mlartifacts/1/a")
        more = ("mlflow.db", ".git/config", "artifacts/clean/interactions.parquet", ".prefect/x", "state")
        assert not [name for name in private + more if sent(ignore, name)]
    assert not sent(DEPLOY.parent / ".dockerignore", "components/core/__pycache__/layout.pyc")


def expressions():
    board = json.loads((DEPLOY / "grafana/dashboards/shoploop.json").read_text())
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]
    return [t["expr"] for panel in board["panels"] for t in panel["targets"]] + [rule["expr"] for rule in rules]


def test_every_figure_of_the_board_and_the_alerts_is_one_of_the_service_s():
    figures()
    known = {name for family in REGISTRY.collect() for name in _series(family)}
    asked = {name for text in expressions() for name in re.findall(r"shoploop_\w+", text)}
    assert len(asked) > 8
    assert asked <= known


def _series(family):
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return [family.name + ending for ending in endings.get(family.type, ("",))]


def test_prometheus_scrapes_the_admin_port_with_a_key():
    job = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"][0]
    assert job["static_configs"][0]["targets"] == ["service:3001"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics_key"


def _has_compose():
    docker = shutil.which("docker")
    return docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0


def _compose_config(values, folder):
    (folder / "env").write_text("\n".join(values))
    files = ["-f", DEPLOY / "docker-compose.yaml", "--env-file", folder / "env"]
    return subprocess.run(["docker", "compose", *files, "config"], capture_output=True, text=True, check=False)


@pytest.mark.skipif(not _has_compose(), reason="no `docker compose` here")
def test_docker_compose_reads_the_file(tmp_path):
    lines = [line for line in (DEPLOY / "env.example").read_text().splitlines() if line and not line.startswith("#")]
    found = _compose_config([line if line.split("=")[1] else f"{line}x" for line in lines], tmp_path)
    assert found.returncode == 0, found.stderr
    assert set(yaml.safe_load(found.stdout)["services"]) == set(COMPOSE["services"])


@pytest.mark.skipif(not _has_compose(), reason="no `docker compose` here")
def test_docker_compose_names_the_value_that_is_missing(tmp_path):
    lines = [f"{name}=x" for name in re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE)]
    found = _compose_config([line for line in lines if not line.startswith("MLFLOW_SECRET=")], tmp_path)
    assert found.returncode != 0
    assert "MLFLOW_SECRET is missing a value: set it in deploy/.env" in found.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="no `promtool` here")
def test_prometheus_reads_its_files(tmp_path):
    key = tmp_path / "key"
    key.write_text("x")
    text = (DEPLOY / "prometheus.yaml").read_text().replace("/run/secrets/metrics_key", str(key))
    (tmp_path / "prometheus.yaml").write_text(text.replace("/etc/prometheus/alerts.yaml", str(DEPLOY / "alerts.yaml")))
    found = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yaml"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert f"{len(rules)} rules found" in found.stdout
