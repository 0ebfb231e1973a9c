"""A real Prometheus with the files of deploy reads a real service: by its key, with every alert and panel."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from components.core.ports import HOST, probe
from tests.load.servers import service
from tests.load.shop import build

DEPLOY = Path(__file__).parents[2] / "deploy"
KEY = re.compile(r"shoploop_\w+")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="no `prometheus` here"),
]


def add_key(state):
    """One for Prometheus and for who asks."""
    command = [
        sys.executable,
        "-m",
        "components",
        "keys",
        "add",
        "prometheus",
        "--scope",
        "admin",
        "--scope",
        "recommend",
    ]
    environment = os.environ | {"SHOPLOOP_STATE": str(state)}
    return KEY.search(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)[0]


def configured(folder, key, url):
    """The file of deploy, with paths and target of here."""
    (folder / "key").write_text(key)
    found = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())
    (job,) = found["scrape_configs"]
    found["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    found["rule_files"] = [str(DEPLOY / "alerts.yaml")]
    job["authorization"]["credentials_file"] = str(folder / "key")
    job["static_configs"] = [{"targets": [url.removeprefix("http://")]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(found))


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Answers of Prometheus' API by path, after a service was scraped for some seconds."""
    folder = tmp_path_factory.mktemp("prometheus")
    release, key, port = build(folder / "shop", 500), add_key(folder / "state"), probe()
    with service(release, SHOPLOOP_STATE=str(folder / "state")) as shop:
        configured(folder, key, shop.url)
        options = [f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
        process = subprocess.Popen(
            ["prometheus", *options, f"--web.listen-address={HOST}:{port}"], stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(15):
                httpx.post(f"{shop.url}/recommend", json={"user_id": "u00"}, headers={"Authorization": f"Bearer {key}"})
                time.sleep(1)
            yield lambda path, **query: httpx.get(f"http://{HOST}:{port}/api/v1/{path}", params=query).json()["data"]
        finally:
            process.terminate()
            process.wait(timeout=30)


def test_the_service_is_read_with_a_key_of_the_scope_admin(asked):
    (target,) = asked("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_every_alert_can_be_judged_and_none_rings(asked):
    rules = [rule for group in asked("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"])
    assert {(rule["health"], rule["state"]) for rule in rules} == {("ok", "inactive")}


def test_every_panel_shows_something_where_nothing_failed(asked):
    (board,) = (DEPLOY / "grafana" / "dashboards").glob("*.json")
    panels = json.loads(board.read_text())["panels"]
    empty = {
        panel["title"]
        for panel in panels
        for target in panel.get("targets", [])
        if not asked("query", query=re.sub(r"\[\w+\]", "[10s]", target["expr"]))["result"]
    }
    assert empty <= {"Refusals by reason"}, "by reason there is nothing to show before the first one"
