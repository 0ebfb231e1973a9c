"""Bring one step up to date through DVC, in a process of its own, so that memory returns between steps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.core import environment, layout
from components.core.errors import ShoploopError
from components.steps.receipt import Receipt, read_receipt
from components.steps.runner import disk_full_words, tells_of_full_disk
from components.steps.table import Step

RAN, UP_TO_DATE, RESTORED = "ran", "up to date", "from cache"
LINES_KEPT = 12
OWN_WORDS = "shoploop: "
HINTS = (  # what DVC says around every stage, and nobody needs twenty times
    "Verifying data sources",
    "> ",
    "Updating lock file",
    "Generating lock file",
    "To track the changes",
    "git add",
    "To enable auto staging",
    "dvc config core.autostage",
    "Use `dvc push`",
    "WARNING: 'artifacts/quarantine' is empty",  # as it should be
)
# What TensorFlow says at its start before any setting of ours reaches it.
START_UP = re.compile(r"WARNING: All log messages before absl|I\d{4} \d\d:\d\d:[\d.]+ |E\d{4} .*oneDNN supports")
# DVC's two locks: the repository's, and those of single files. A killed run's last child may hold one for a moment.
BUSY = re.compile(r"Unable to acquire lock|'(?P<path>[^'\n]+)' is busy, it is being blocked by")
HOLDER = re.compile(r"\(PID \d+\): .+")
BUSY_DELAYS_S = (2, 5, 10, 20, 30, 60, 60, 60)
KILLED_ABOVE = 128  # a shell's exit code for a process ended by a signal


class StepFailedError(ShoploopError):
    """A step stopped with an error; running it again as it is would give the same."""


class StepInterruptedError(ShoploopError):
    """A step was killed; running it again is worth a try."""


class BusyError(ShoploopError):
    """Another DVC process held what a step needs, for minutes."""


@dataclass(frozen=True)
class Outcome:
    """One step brought up to date: what was done now, the receipt of the execution that made its outputs, its run."""

    step: Step
    done: str
    receipt: Receipt
    run_id: str = ""


def bring_up_to_date(
    step: Step,
    root: Path,
    parent: str,
    tell: Callable[[str], None],
    *,
    force: bool = False,
    run_cache: bool = True,
) -> Outcome:
    """Run the step unless its inputs, code and parameters are unchanged.

    parent  MLflow run of the flow, which logs the step
    tell    receives every line the step prints
    force   run it in any case
    run_cache  let DVC restore outputs that it remembers of equal inputs; wrong for a step that reads more than DVC sees
    Raises  StepFailedError with the step's own words, StepInterruptedError, or BusyError after minutes of waiting
    """
    for command in _commands(step, force=force, run_cache=run_cache):
        code, lines = _patiently(step, command, root, parent, tell)
        if code:
            raise _failure(step, code, lines, root)
    return Outcome(step, _done(step, lines), read_receipt(root / step.receipt))


def _commands(step: Step, *, force: bool, run_cache: bool) -> list[list[str]]:
    options = [*(["--force"] if force else []), *([] if run_cache else ["--no-run-cache"])]
    dvc = [sys.executable, "-m", "dvc", "repro", "--single-item", *options]
    if step.tracked:
        return [[*dvc, step.name]]
    # ingest makes what data.dvc pins; DVC then takes the bytes into its cache, as it would at the next `dvc repro`.
    return [[sys.executable, "-m", "components", "run", step.name], [*dvc, str(layout.DATA_PIN)]]


def _patiently(
    step: Step, command: list[str], root: Path, parent: str, tell: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Call a command, again after growing delays while another DVC process holds what it needs."""
    for delay in BUSY_DELAYS_S:
        code, lines = _call(command, root, parent, tell)
        if not code or not (blocked_by := _blocked_by(lines)):
            return code, lines
        tell(f"{step.name}: waiting {delay} s for {blocked_by}")
        time.sleep(delay)
    raise BusyError(
        f"{step.name}: {blocked_by} still holds what this step needs after {sum(BUSY_DELAYS_S)} s; "
        "let it end or stop it, then run again: finished steps are kept."
    )


def _blocked_by(lines: list[str]) -> str:
    """Who holds one of DVC's locks, in words; empty if nobody does."""
    said = "\n".join(lines)
    found = BUSY.search(said)
    if found is None:
        return ""
    holder = HOLDER.search(said)
    who = f"another DVC process{f' {holder[0]}' if holder else ''}"
    return f"{who}, which holds '{found['path']}'" if found["path"] else who


def _call(command: list[str], root: Path, parent: str, tell: Callable[[str], None]) -> tuple[int, list[str]]:
    """Exit code and last lines of a command whose output is passed on line by line."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    settings = os.environ | {environment.PARENT_RUN: parent, "PATH": path, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    lines: deque[str] = deque(maxlen=LINES_KEPT)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.PIPE}
    # Nothing is ever written to its standard input: the step ends itself when our end closes, however we end.
    with subprocess.Popen(command, cwd=root, env=settings, text=True, errors="replace", **pipes) as process:
        try:
            for line in process.stdout:
                if line.strip() and not line.strip().startswith(HINTS) and not START_UP.match(line):
                    lines.append(line.rstrip())
                    tell(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    return process.returncode, list(lines)


def _failure(step: Step, code: int, lines: list[str], root: Path) -> ShoploopError:
    said = "\n".join(lines)
    own = [line.partition(OWN_WORDS)[2] for line in lines if line.startswith(OWN_WORDS)]
    if own:
        return StepFailedError("\n".join(own))
    if tells_of_full_disk(said):  # DVC met it, taking the outputs into its cache or out of it
        return StepFailedError(disk_full_words(step.name, root))
    exited = re.search(r"exited with (-?\d+)", said)
    signalled = exited is not None and (int(exited[1]) < 0 or int(exited[1]) > KILLED_ABOVE)
    if code < 0 or signalled:
        return StepInterruptedError(f"{step.name}: interrupted; its last words:\n{said}")
    return StepFailedError(f"{step.name}: failed; its last words:\n{said}")


def _done(step: Step, lines: list[str]) -> str:
    if any(f"Stage '{step.name}' didn't change" in line for line in lines):
        return UP_TO_DATE
    if any(f"Stage '{step.name}' is cached" in line for line in lines):
        return RESTORED
    return RAN
