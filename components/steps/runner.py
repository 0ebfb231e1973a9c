"""Run one step: its configuration checked, its inputs there, its costs measured, its receipt written."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.core import layout
from components.core.bundle import originating
from components.core.command_line import LARGEST_SEED
from components.core.config import PARAMS_FILE, Config, parse, read_params
from components.core.errors import ConfigError, DataError, ShoploopError, did_you_mean
from components.steps import checks, defaults
from components.steps.origin import Origin, origin_of
from components.steps.receipt import Receipt, digest
from components.steps.result import StepResult
from components.steps.table import SEED, Step, table
from components.tracking.runs import parent_run, record

DISK_FULL = ("No space left on device", "database or disk is full")  # as DuckDB, MLflow, DVC and SQLite put it


def run(name: str, root: Path) -> Receipt:
    """Run one step of the project in `root` and return its receipt.

    Under a flow (SHOPLOOP_PARENT_RUN is set) the flow tells MLflow of it; otherwise that is done here.
    Raises ConfigError on parameters that are unknown or out of range, DataError on missing inputs, ShoploopError when
    the disk is full.
    """
    params = read_params(root / PARAMS_FILE)
    step = find_step(name, params)
    function, _ = step.load()
    config = read_config(step, params)
    _check_inputs(step, root)
    seed = read_seed(params) if step.seeded else 0
    origin = origin_of(step, params, config, root)
    started, cpu = time.time(), _cpu_seconds()
    with plain_disk_full(name, root):
        with originating(origin.facts):
            result = function(config, root, seed)
        ended = time.time()
        receipt = _receipt(step, config, result, root, (started, ended), _cpu_seconds() - cpu, origin)
        receipt.write(root / step.receipt)
    if parent_run() is None:
        record(receipt.record(root), None, root)
    return receipt


def check_params(params: dict[str, Any], root: Path | None = None) -> dict[str, Step]:
    """Check every section of params.yaml before anything runs, and return the steps.

    root  the project, whose expectations/ name the rules of thresholds; None leaves these names unchecked
    Raises ConfigError on the first section, parameter or name that is unknown, missing or out of range.
    """
    steps = table(params)
    check_sections(params, steps)
    read_seed(params)
    sections = {step.section: read_config(step, params) for step in steps.values()}
    checks.check(sections)
    if root is not None:
        checks.check_thresholds(sections, root)
    return steps


def read_config(step: Step, params: dict[str, Any]) -> Config:
    """The step's configuration; ConfigError if params.yaml does not give a valid one."""
    _, config_class = step.load()
    return parse(config_class, step_values(step, params), f"{PARAMS_FILE}: {step.section}")


def find_step(name: str, params: dict[str, Any]) -> Step:
    """The step of that name; ConfigError with a hint if there is none, or if params.yaml has an unknown section."""
    steps = table(params)
    check_sections(params, steps)
    if name not in steps:
        raise ConfigError(f"unknown step '{name}'; {did_you_mean(name, steps)}")
    return steps[name]


def check_sections(params: dict[str, Any], steps: dict[str, Step]) -> None:
    """ConfigError if params.yaml has a section that no step uses, or lacks one.

    A missing section would be invisible to DVC, which could then not see it appear.
    """
    known = {SEED, *(step.section.partition(".")[0] for step in steps.values())}
    known |= {section for step in steps.values() for section in step.shared}
    for section in sorted(set(params) - known):
        raise ConfigError(f"{PARAMS_FILE}: unknown section '{section}'; {did_you_mean(section, sorted(known))}")
    for section in sorted(known - set(params)):
        raise ConfigError(
            f"{PARAMS_FILE}: section '{section}' is missing; add it, `{section}: {{}}` takes all defaults."
        )


def step_values(step: Step, params: dict[str, Any]) -> dict[str, Any]:
    """The step's section of params.yaml, with the sections it shares, what the table fixes and what the models say."""
    own = defaults.filled(step.section, _section(step.section, params), params)
    return own | {name: _section(name, params) for name in step.shared} | step.fixed


def _section(name: str, params: dict[str, Any]) -> dict[str, Any]:
    values: Any = params
    for key in name.split("."):
        values = values.get(key) or {}
        if not isinstance(values, dict):
            raise ConfigError(f"{PARAMS_FILE}: {name}: expected a mapping, found {values!r}.")
    return values


def read_seed(params: dict[str, Any]) -> int:
    """The seed of all randomness; ConfigError unless it is an integer from 0 to 2³² - 1."""
    seed = params.get(SEED)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"{PARAMS_FILE}: seed: expected an integer from 0 to {LARGEST_SEED}, found {seed!r}.")
    return seed


def _check_inputs(step: Step, root: Path) -> None:
    missing = [str(path) for path in step.reads if not (root / path).exists()]
    if missing:
        remedy = "python -m components run ingest" if str(layout.DATA) in missing else f"dvc repro {step.name}"
        raise DataError(f"{step.name}: input {', '.join(missing)} is missing; `{remedy}` makes it first.")


@contextmanager
def plain_disk_full(name: str, root: Path) -> Iterator[None]:
    """Say in plain words that the disk is full."""
    try:
        yield
    except Exception as e:
        full = isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT)
        if not full and not tells_of_full_disk(str(e)):
            raise
        raise ShoploopError(disk_full_words(name, root)) from e


def tells_of_full_disk(said: str) -> bool:
    """Whether these words mean that the disk is full; libraries wrap the system's error in errors of their own."""
    return any(words in said for words in DISK_FULL)


def disk_full_words(name: str, root: Path) -> str:
    """What a person is told."""
    artifacts = root / layout.ARTIFACTS
    place = (artifacts if artifacts.exists() else root).resolve()
    free = shutil.disk_usage(place).free / 1e6
    return (
        f"{name}: the disk is full ({free:.0f} MB free at {place}); free some space and run again, "
        "finished steps are kept."
    )


def _receipt(
    step: Step,
    config: Config,
    result: StepResult,
    root: Path,
    span: tuple[float, float],
    cpu_seconds: float,
    origin: Origin,
) -> Receipt:
    return Receipt(
        step=step.name,
        execution=uuid.uuid4().hex,
        summary=result.summary,
        started=span[0],
        ended=span[1],
        cpu_seconds=cpu_seconds,
        peak_mb=_peak_mb(),
        config=config.model_dump(mode="json"),
        metrics={name: float(value) for name, value in result.metrics.items()},
        curves={name: [float(v) for v in values] for name, values in result.curves.items()},
        tags=_tags(step, config, root, origin) | result.tags,
        read={str(path): digest(root / path) for path in step.reads},
        wrote={str(path): digest(root / path) for path in step.writes},
        artifacts=[str(Path(path).resolve().relative_to(root.resolve())) for path in result.artifacts],
        origin=origin.as_dict(),
    )


def _tags(step: Step, config: Config, root: Path, origin: Origin) -> dict[str, str]:
    tags = {"step": step.name, "component": getattr(config, "component", step.name), "git_commit": git_commit(root)}
    tags |= _component_version(step, config)
    made_from = {"data_digest": origin.data_digest, "source_digest": origin.source_digest, "code_digest": origin.code}
    return tags | {name: value for name, value in made_from.items() if value is not None}


def _component_version(step: Step, config: Config) -> dict[str, str]:
    from components.core.registry import MODELS

    component = getattr(config, "component", None)
    if component not in MODELS.modules:
        return {}
    return {"component_version": str(MODELS.get(component).version)}


def git_commit(root: Path) -> str:
    """The project's commit, with "+" where tracked files differ from it; "unknown" outside a repository."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        # dvc.lock is what the run itself writes.
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak_mb() -> float:
    """Largest resident memory so far of this process or one of its children, in MB (Linux counts in kB)."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
