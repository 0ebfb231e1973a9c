"""The ground of the fault tests: a small shop, a real MLflow server, a real service, all on free loopback ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from components.core import bundle, environment, layout
from components.core.ports import HOST, probe

PROJECT = Path(__file__).parents[2]
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
UP_WITHIN_S, DOWN_WITHIN_S = 120, 20
Answer = dict[str, object]


class Program:
    """A server of ours, in a process group of its own."""

    def __init__(self, arguments: list[str], cwd: Path, log: Path, settings: dict[str, str]):
        self.log = log
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=cwd, env=os.environ | QUIET | settings,
                stdout=said, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """At once, with its children; it is told nothing."""
        self._send(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Politely, then by force."""
        self._send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(DOWN_WITHIN_S)
        self.kill()

    def _send(self, word: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, word)


@contextmanager
def program(arguments: list[str], ready: str, cwd: Path, **settings: str) -> Iterator[Program]:
    """A server that answers at the address `ready`."""
    log = cwd / f"{arguments[0]}-{time.monotonic_ns()}.log"
    running = Program(arguments, cwd, log, settings)
    try:
        wait_until(lambda: get(ready) is not None or running.process.poll() is not None, UP_WITHIN_S, str(log))
        if running.process.poll() is not None:
            raise RuntimeError(log.read_text()[-2000:])
        yield running
    finally:
        running.stop()


def mlflow_server(root: Path, port: int) -> contextmanager:
    """A real tracking server over the project's own records."""
    arguments = ["mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    arguments += ["--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}"]
    return program(arguments, f"http://{HOST}:{port}/health", root)


def service(root: Path, port: int, **settings: str) -> contextmanager:
    """The service of a project, ready to answer."""
    state = {"SHOPLOOP_ROOT": str(root), "SHOPLOOP_STATE": str(root / layout.STATE)}
    return program(
        ["services", "serve", "--port", str(port)], f"http://{HOST}:{port}/readyz", root, **(state | settings)
    )


def get(url: str, timeout_s: float = 5.0) -> Answer | None:
    """A page's JSON ({} if it is none); None if it does not answer with 200."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            body = answer.read()
    except (urllib.error.URLError, OSError):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return {}


def post(url: str, body: Answer, timeout_s: float = 10.0) -> tuple[int, Answer]:
    """Status and JSON; status 0 where nothing answers."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        return e.code, {}
    except (urllib.error.URLError, OSError):
        return 0, {}


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds until it held; RuntimeError after `seconds`."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise RuntimeError(f"not so within {seconds} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - started


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    environment.prepare()
    with tempfile.TemporaryDirectory(prefix="shoploop-faults-") as name:
        yield Path(name)


def shop(root: Path, releases: int, artifacts: Path | None = None) -> list[str]:
    """A shop with that many registered releases, the first of them champion; returns their versions.

    artifacts  of a shop that went through the steps before `register`; a small one's unless given
    """
    shutil.copytree(artifacts or Path(_trained().name) / layout.ARTIFACTS, root / layout.ARTIFACTS)
    return [another_release(root, number) for number in range(releases)]


@cache
def _trained() -> tempfile.TemporaryDirectory:
    """The shop's artifacts up to the gate, made once in a process and gone with it."""
    from tests.conftest import decide, run_steps, write_shop

    made = tempfile.TemporaryDirectory(prefix="shoploop-faults-shop-")
    write_shop(Path(made.name), 1)
    run_steps(Path(made.name), 1)
    decide(Path(made.name))
    return made


def another_release(root: Path, number: int) -> str:
    """The version of a release that chooses its candidates otherwise, and so has other bytes."""
    from components.steps.register import RegisterConfig, register
    from tests.conftest import judge_anew

    ranker = root / layout.RANKER
    choice = bundle.read_json(ranker / "choice.json")
    bundle.write_json(ranker / "choice.json", choice | {"candidates_per_model": 10 + number})
    bundle.seal(ranker, {})
    judge_anew(root)
    register(RegisterConfig(), root, 1)
    return bundle.read_json(root / layout.REGISTRATION / "registered.json")["version"]


def cli(root: Path, *arguments: str, **settings: str) -> tuple[float, subprocess.CompletedProcess]:
    """One command of shoploop, timed from before its start to after its end."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "components", *arguments], cwd=root, env=os.environ | QUIET | settings,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return time.monotonic() - started, done


def free_port() -> int:
    """A free loopback port."""
    return probe(0)


def busy() -> str:
    """Cores and load, as every figure is told with."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
