"""One step through the real DVC: who is waited for, what is passed on, and which failures are worth another try."""

import json
import os
import subprocess
import sys

import pytest

from components.core.config import PARAMS_FILE, read_params
from components.steps.table import table
from flows import repro
from flows.repro import BusyError, StepFailedError, StepInterruptedError


@pytest.fixture
def step(request):
    return table(read_params(request.config.rootpath / PARAMS_FILE))["clean"]


@pytest.fixture
def held(tmp_path, monkeypatch):
    """A DVC project whose only output is held by this very process; returns the lock file."""
    monkeypatch.setattr(repro, "BUSY_DELAYS_S", (0.1, 0.1))
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "dvc.yaml").write_text("stages: {clean: {cmd: echo done > out, outs: [out]}}")
    lock = tmp_path / ".dvc/tmp/rwlock"
    lock.write_text(json.dumps({"write": {str(tmp_path / "out"): {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    return lock


@pytest.mark.slow
def test_a_held_file_is_waited_for_by_name_and_given_up_with_a_remedy(held, step, tmp_path):
    told = []
    with pytest.raises(BusyError, match="let it end or stop it, then run again"):
        repro._patiently(step, repro._commands(step, force=False, run_cache=True)[0], tmp_path, "", told.append)
    waits = [line for line in told if "waiting" in line]
    assert len(waits) == 2
    assert f"(PID {os.getpid()}): dvc repro, which holds '{tmp_path / 'out'}'" in waits[0]


@pytest.mark.slow
def test_it_goes_on_once_the_holder_is_gone(held, step, tmp_path):
    def tell(line):
        if "waiting" in line:
            held.unlink()

    code, _ = repro._patiently(step, repro._commands(step, force=False, run_cache=False)[0], tmp_path, "", tell)
    assert code == 0
    assert (tmp_path / "out").read_text() == "done\n"


def test_the_repositorys_lock_counts_as_busy():
    assert repro._blocked_by(["ERROR: Unable to acquire lock. Most likely another DVC process is running"])
    assert not repro._blocked_by(["ERROR: failed to reproduce 'clean'"])


def test_a_killed_step_may_be_tried_again_a_failed_one_not(step, tmp_path):
    killed = repro._failure(
        step, 255, ["ERROR: failed to run: python -m components run clean, exited with -9"], tmp_path
    )
    failed = repro._failure(
        step, 255, ["ERROR: failed to run: python -m components run clean, exited with 1"], tmp_path
    )
    told = repro._failure(
        step, 255, ["shoploop: clean: the disk is full.", "ERROR: failed to run, exited with 2"], tmp_path
    )
    full = repro._failure(step, 255, ["ERROR: unexpected error - [Errno 28] No space left on device"], tmp_path)
    assert isinstance(killed, StepInterruptedError)
    assert isinstance(failed, StepFailedError)
    assert str(told) == "clean: the disk is full."
    assert "free some space and run again" in str(full)


def test_a_step_ends_when_the_flow_that_started_it_is_gone(tmp_path):
    """The flow holds the other end of the step's standard input."""
    code = "import time; from components.__main__ import _end_with_the_flow as e; e(); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(30) < 0


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1795474030.851664   32156 port.cc:153] oneDNN custom operations are on.",
    ],
)
def test_start_up_lines_are_dropped_other_warnings_not(line, tmp_path):
    told = []
    repro._call([sys.executable, "-c", f"print({line!r}); print('W0000 stays')"], tmp_path, "", told.append)
    assert told == ["W0000 stays"]
