"""A real service in a process of its own, on a free loopback port."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).parents[2]
READY_WITHIN_S = 60  # the promise is 15 s on a quiet machine; tests run on busy ones


class Service:
    """What a test needs of a running service."""

    def __init__(self, url):
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=20)

    def get(self, path):
        return self.client.get(path)

    def post(self, path, **body):
        return self.client.post(path, json=body)

    def recommend(self, **body):
        answer = self.post("/recommend", **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, **body):
        return [item["item_id"] for item in self.recommend(**body)["items"]]

    def wait_until(self, condition, seconds):
        """Seconds until the condition held; fails after `seconds`."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            try:
                if condition():
                    return time.monotonic() - started
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        pytest.fail(f"not so within {seconds} s; health: {self.get('/health').text}")


@contextmanager
def running(command, folder, **environment):
    """The service that `command` starts in `cwd`; the first line it prints is its address, unless `url` is given."""
    url, cwd = environment.pop("url", None), environment.pop("cwd", PROJECT)
    log = folder / "service.log"
    variables = os.environ | {"OMP_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "True"} | environment
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=cwd, env=variables, stdout=out, stderr=out)
    try:
        service = Service(url or _printed_url(log, process))
        service.process, service.log = process, log
        service.wait_until(lambda: service.get("/readyz").status_code == 200, READY_WITHIN_S)
        yield service
    except BaseException:
        print(log.read_text()[-5000:])
        raise
    finally:
        process.terminate()
        process.wait(timeout=30)


def _printed_url(log, process):
    for _ in range(300):
        lines = log.read_text().splitlines()
        if lines and lines[0].startswith("http://"):
            return lines[0]
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def start():
    """Start a service: `with start(folder, SHOPLOOP_…=…) as service`."""
    return lambda folder, **environment: running(
        [sys.executable, "-m", "services", "serve"], folder, SHOPLOOP_STATE=str(folder / "state"), **environment
    )


@pytest.fixture(scope="session")
def start_command():
    """Start a service by a command of your own."""
    return running


@pytest.fixture(scope="module")
def project(trained_shop, tmp_path_factory):
    """A project folder whose first release is registered and champion."""
    from components.steps.register import RegisterConfig, register

    root = tmp_path_factory.mktemp("served") / "project"
    shutil.copytree(trained_shop, root)
    register(RegisterConfig(), root, 1)
    return root
