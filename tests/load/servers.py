"""Servers that loads are run against: our service, and the bare peer."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from components.core.ports import probe
from tests.load.open_loop import PROJECT
from tests.services.conftest import running

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as our service sets it for itself


@contextmanager
def service(release, **settings):
    """Our service on a release's folder, with a state of its own; yields what tests use too."""
    with tempfile.TemporaryDirectory(prefix="shoploop-load-") as folder:
        state = {"SHOPLOOP_STATE": f"{folder}/state", "SHOPLOOP_RELEASE": str(release), "SHOPLOOP_LOG_SHARE": "0.01"}
        command = [sys.executable, "-m", "services", "serve"]
        with running(command, Path(folder), **(state | settings)) as found:
            yield found


@contextmanager
def peer(release):
    """The bare application in one process; yields its address."""
    port = probe()
    command = [sys.executable, "-m", "uvicorn", "tests.load.peer:app", "--port", str(port), "--no-access-log"]
    environment = os.environ | ONE_THREAD | {"LOAD_RELEASE": str(release)}
    process = subprocess.Popen([*command, "--log-level", "error"], cwd=PROJECT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.post(f"{url}/recommend", json={"user_id": "u00", "k": 10}, timeout=20)
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
