"""Keeping everything up: ports asked for first, and nobody left when it ends."""

import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from components.core.errors import ShoploopError
from components.core.ports import HOST, is_free
from flows import stack

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
LEAVES_A_CHILD = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_program_ends_with_its_children_even_those_that_will_not():
    program = subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_CHILD], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    child = psutil.Process(int(program.stdout.readline()))
    stack._stop(program)
    until = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.05)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    stack._stop(program)  # one that is gone already is no trouble


def test_a_closed_terminal_ends_everything_unless_nohup_said_otherwise():
    kept = {word: signal.getsignal(word) for word in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        stack._end_on_signals()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stack._end_on_signals()
        signal.raise_signal(signal.SIGHUP)
    finally:
        for word, handler in kept.items():
            signal.signal(word, handler)


def test_every_wrong_port_is_named_with_its_variable(monkeypatch):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        monkeypatch.setenv("SHOPLOOP_SERVICE_PORT", str(port))
        monkeypatch.setenv("SHOPLOOP_MLFLOW_PORT", "many")
        with pytest.raises(ShoploopError) as told:
            stack.read_ports()
    assert f"port {port} for service is taken by" in str(told.value)
    assert f"SHOPLOOP_SERVICE_PORT={port + 1} make up" in str(told.value)
    assert "SHOPLOOP_MLFLOW_PORT: expected a port from 1 to 65535, found 'many'" in str(told.value)
