"""The deploy files, read as what they are: pinned images, loopback ports, health, secrets, figures that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from services.figures import figures

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
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


@pytest.mark.skipif(not _has_compose(), reason="no `docker compose` here")
def test_docker_compose_reads_the_file(tmp_path):
    lines = [line for line in (DEPLOY / "env.example").read_text().splitlines() if line and not line.startswith("#")]
    (tmp_path / "env").write_text("\n".join(line if line.split("=")[1] else f"{line}x" for line in lines))
    command = [
        "docker",
        "compose",
        "-f",
        DEPLOY / "docker-compose.yaml",
        "--env-file",
        tmp_path / "env",
        "config",
        "-q",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
