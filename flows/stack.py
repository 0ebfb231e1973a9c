"""Keep everything up on this machine: MLflow UI, Prefect server, a worker with all deployments, the service.

All on loopback. Every program runs in a process group of its own, so that one Ctrl-C ends each with its children, in
the reverse order of their start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from components.core.errors import ShoploopError
from components.core.ports import HOST, is_free
from components.tracking import location
from flows import environment
from flows.closing import wide_console

POOL = "shoploop"
LOGS = Path("state/logs")
READY_WITHIN_S = 180
STOP_WITHIN_S = 20
LAST_WORDS = 1500


@dataclass(frozen=True)
class Program:
    """One program to keep up. `ready` is asked over HTTP; empty for one that serves nothing."""

    name: str
    arguments: list[str]
    ready: str = ""
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ports:
    """Where the three servers listen."""

    mlflow: int
    prefect: int
    service: int


VARIABLES = {"mlflow": ("SHOPLOOP_MLFLOW_PORT", 5000), "prefect": ("SHOPLOOP_PREFECT_PORT", 4200),
             "service": ("SHOPLOOP_SERVICE_PORT", 3000)}  # fmt: skip


def read_ports() -> Ports:
    """Ports from the environment or the usual ones; ShoploopError naming every one that is taken, and what to do."""
    chosen, problems = {}, []
    for name, (variable, usual) in VARIABLES.items():
        text = os.environ.get(variable) or str(usual)
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            problems.append(f"{variable}: expected a port from 1 to 65535, found {text!r}.")
            continue
        chosen[name] = int(text)
        if not is_free(chosen[name]):
            problems.append(_taken(name, chosen[name], variable))
    if problems:
        raise ShoploopError("\n".join(problems))
    return Ports(**chosen)


def keep_up(root: Path) -> None:
    """Start everything, print where it is, and wait for Ctrl-C or for a program to end by itself.

    Raises ShoploopError if a port is taken or a program does not start.
    """
    ports = read_ports()
    _end_on_signals()
    console = wide_console()
    with ExitStack() as stack:
        try:
            running = _start_all(root, ports, stack, console.print)
            console.print(_addresses(ports))
            console.print("Ctrl-C stops all of it.")
            _watch(root, running)
        except KeyboardInterrupt:
            console.print("stopping …")


def _start_all(root: Path, ports: Ports, stack: ExitStack, tell: Callable[[str], None]) -> dict[str, subprocess.Popen]:
    running: dict[str, subprocess.Popen] = {}

    def start(program: Program) -> None:
        tell(f"starting {program.name} …")
        running[program.name] = process = _start(program, root)
        stack.callback(_stop, process)

    for program in _servers(root, ports):
        start(program)
    for program in _servers(root, ports):
        _wait_until_ready(root, program, running[program.name])
    _note_registry(root, f"http://{HOST}:{ports.mlflow}", stack)
    url = f"http://{HOST}:{ports.prefect}/api"
    environment.remember_server(root, url)
    stack.callback(environment.forget_server, root)
    _prefect(root, url, "work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect(root, url, "--no-prompt", "deploy", "--all")
    start(_worker(url))
    return running


def _note_registry(root: Path, address: str, stack: ExitStack) -> None:
    """Let commands ask the registry over HTTP while this stack is up."""
    location.note_server(root, address)
    stack.callback(location.note_server, root, None)


def _servers(root: Path, ports: Ports) -> list[Program]:
    uri = location.tracking_uri(root)
    mlflow = [
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(ports.mlflow),
        "--backend-store-uri",
        uri,
        "--workers",
        "1",
    ]
    prefect = ["prefect", "server", "start", "--host", HOST, "--port", str(ports.prefect)]
    service = ["services", "serve", "--port", str(ports.service)]
    return [
        Program("MLflow UI", mlflow, f"http://{HOST}:{ports.mlflow}/health",
                # Jobs would start eight more processes, which this project does not use.
                {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}),
        Program("Prefect server", prefect, f"http://{HOST}:{ports.prefect}/api/health",
                {"PREFECT_UI_API_URL": f"http://{HOST}:{ports.prefect}/api"}),
        Program("service", service, f"http://{HOST}:{ports.service}/livez"),
    ]  # fmt: skip


def _worker(url: str) -> Program:
    arguments = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "shoploop"]
    return Program("worker", arguments, settings={"PREFECT_API_URL": url})


def _start(program: Program, root: Path) -> subprocess.Popen:
    log = _log(root, program)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", *program.arguments],
            cwd=root,
            env=os.environ | program.settings,
            stdout=said,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def _stop(process: subprocess.Popen) -> None:
    """End a program and its children: politely first, then whoever is left of its process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_WITHIN_S)
    with suppress(ProcessLookupError):  # a program may end before its children do
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until_ready(root: Path, program: Program, process: subprocess.Popen) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while not environment.answers(program.ready):
        if process.poll() is not None:
            raise ShoploopError(_ended(root, program.name, process))
        if time.monotonic() > until:
            raise ShoploopError(f"{program.name}: not ready within {READY_WITHIN_S} s; see {_log(root, program)}.")
        time.sleep(0.5)


def _watch(root: Path, running: dict[str, subprocess.Popen]) -> None:
    while True:
        for name, process in running.items():
            if process.poll() is not None:
                raise ShoploopError(_ended(root, name, process))
        time.sleep(1)


def _prefect(root: Path, url: str, *arguments: str) -> None:
    """One command of Prefect's command line; ShoploopError with its words if it fails."""
    settings = os.environ | {"PREFECT_API_URL": url, "PWD": str(root.resolve())}
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=root,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ShoploopError(f"prefect {' '.join(arguments)}: failed:\n{(done.stdout + done.stderr)[-LAST_WORDS:]}")


def _ended(root: Path, name: str, process: subprocess.Popen) -> str:
    log = root / LOGS / _file_name(name)
    words = log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]
    return f"{name}: ended with code {process.returncode}; its last words ({log}):\n{words}"


def _log(root: Path, program: Program) -> Path:
    return root / LOGS / _file_name(program.name)


def _file_name(name: str) -> str:
    return f"{name.lower().replace(' ', '-')}.log"


def _taken(name: str, port: int, variable: str) -> str:
    return (
        f"port {port} for {name} is taken{_holder(port)}; stop that program, or choose another port: "
        f"{variable}={port + 1} make up"
    )


def _holder(port: int) -> str:
    """Who listens there, as " by NAME (pid N)"; empty where the system does not tell."""
    import psutil

    try:
        held = [c.pid for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.pid]
        return f" by {psutil.Process(held[0]).name()} (pid {held[0]})" if held else ""
    except psutil.Error:
        return ""


def _addresses(ports: Ports) -> Table:
    out = Table(title="shoploop is up", show_header=False, title_justify="left")
    out.add_row(
        "service", f"http://{HOST}:{ports.service}", "POST /recommend, /similar, /events; GET /release, /health"
    )
    out.add_row("MLflow", f"http://{HOST}:{ports.mlflow}", "runs, releases; move the alias champion here")
    out.add_row("Prefect", f"http://{HOST}:{ports.prefect}", "flows; or: prefect deployment run 'train/default'")
    out.add_row("logs", str(LOGS), "")
    return out


def _end_on_signals() -> None:
    """Ctrl-C, a closed terminal and a polite kill all end everything; `nohup make up` stays when the terminal goes."""
    for word in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if word != signal.SIGHUP or signal.getsignal(word) is not signal.SIG_IGN:
            signal.signal(word, _interrupt)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
