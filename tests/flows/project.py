"""A copy of the checkout as a project of its own, and what a person would call in it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]
HALF_AN_HOUR = 1800  # on a machine with much else to do
OURS = ("SHOPLOOP_", "PREFECT_", "MLFLOW_", "DVC_")


def copy_checkout(folder):
    """The checkout's files without its tests, in `folder`."""
    for name in git(CHECKOUT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (CHECKOUT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((CHECKOUT / name).read_bytes())


def commit_all(folder):
    """All files of `folder` as the first commit of a repository of its own."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "shop")


def git(folder, *arguments):
    """What git says in the folder."""
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout


def settings():
    """This process's environment without its own settings of ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", "COLUMNS": "150"}


def call(project, *arguments, more=None):
    """Output of `python -m …` in the project, with `more` in its environment; fails with it on an error."""
    return python(project, "-m", *arguments, more=more)


STEPS = """
import sys
from pathlib import Path
from components.core import environment
environment.prepare()
from components.steps import runner
for step in sys.argv[1:]:
    runner.run(step, Path("."))
"""


def run_steps(project, *steps):
    """The steps one after the other in a single process: Python, Spark and the rest start once."""
    python(project, "-c", STEPS, *steps)


def python(project, *arguments, more=None):
    """Output of `python …`, as `call`."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=project, env=settings() | (more or {}), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        said, wrong = process.communicate(timeout=HALF_AN_HOUR)
    finally:
        end_group(process)
    assert process.returncode == 0, (said + wrong)[-6000:]
    return said


def end_group(process):
    """End a process and all that it started: Prefect's temporary server outlives a killed flow."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def edit(project, change):
    """Change params.yaml."""
    params = yaml.safe_load((project / "params.yaml").read_text())
    change(params)
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
