"""A copy of the checkout as a project of its own, and what a person would call in it."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]
TEN_MINUTES = 600
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
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=project, env=settings() | (more or {}), capture_output=True, text=True,
        timeout=TEN_MINUTES, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def edit(project, change):
    """Change params.yaml."""
    params = yaml.safe_load((project / "params.yaml").read_text())
    change(params)
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
