"""A service of one's own for the length of a flow, and questions to it over HTTP. Flows never import services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.core import ports
from components.core.errors import ShoploopError
from flows.environment import answers

READY_WITHIN_S = 120
STOP_WITHIN_S = 20
ANSWER_WITHIN_S = 30
OWN = {"SHOPLOOP_STATE_URL": ""}  # what a flow plays does not belong into the shop's own store
WORDS_KEPT = 2000  # characters of a service's last words


class ServiceError(ShoploopError):
    """A service did not start, did not answer, or refused."""


@contextmanager
def own_service(root: Path, settings: dict[str, str], log: Path) -> Iterator[str]:
    """A service in a process of its own on a free loopback port; yields its address and stops it at the end.

    settings  environment variables for it
    log       where what it says is kept
    """
    port = ports.probe()
    command = [sys.executable, "-m", "services", "serve", "--port", str(port)]
    url = f"http://{ports.HOST}:{port}"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=root, env=os.environ | OWN | settings, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(process, url, log)
            yield url
        finally:
            _stop(process)


def post(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The service's JSON answer; ServiceError with its own words if it refuses or is not there."""
    request = urllib.request.Request(  # noqa: S310 - the address is given by whoever starts the flow
        f"{url.rstrip('/')}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as response:  # noqa: S310
            return json.load(response)
    except urllib.error.HTTPError as e:
        words = e.read(WORDS_KEPT).decode(errors="replace")
        raise ServiceError(f"{url}{path}: refused with {e.code}: {words}") from None
    except OSError as e:
        raise ServiceError(f"{url}{path}: no answer ({e}); is the service up?") from None


def _wait_until_ready(process: subprocess.Popen, url: str, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServiceError(f"service: ended with code {process.returncode} at its start:\n{_last_words(log)}")
        if answers(f"{url}/readyz"):
            return
        time.sleep(0.2)
    raise ServiceError(f"service: not ready within {READY_WITHIN_S} s:\n{_last_words(log)}")


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-WORDS_KEPT:]
