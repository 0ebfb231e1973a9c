"""dvc.yaml, printed from the table of steps; a test holds the committed file to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from components.core.config import PARAMS_FILE, read_params
from components.core.errors import ConfigError
from components.steps.code import step_files
from components.steps.runner import check_sections
from components.steps.table import SEED, Step, table

DVC_FILE = "dvc.yaml"
# The project's own Python where `make` made one, else the caller's.
RUN = "PATH=.venv/bin:$PATH python -m components run"
HEADER = (
    "# Made by `python -m components dvc-yaml --write` from components/steps/table.py and params.yaml; do not edit.\n"
)


def render(root: Path) -> str:
    """The text of dvc.yaml for the project in `root`."""
    params = read_params(root / PARAMS_FILE)
    steps = table(params)
    check_sections(params, steps)
    stages = {step.name: stage(step) for step in steps.values() if step.tracked}
    return HEADER + yaml.safe_dump({"stages": stages}, sort_keys=False, width=120, allow_unicode=True)


def stage(step: Step) -> dict[str, Any]:
    """One step as a DVC stage; it depends on its inputs, its section of params.yaml and the code it runs."""
    return {
        "desc": step.description,
        "cmd": f"{RUN} {step.name}",
        "deps": [*step_files(step), *(str(path) for path in step.reads)],
        "params": [step.section, *step.shared, *([SEED] if step.seeded else [])],
        "outs": [*(str(path) for path in step.writes), str(step.receipt)],
    }


def check(root: Path) -> None:
    """ConfigError unless the committed dvc.yaml is what the table gives."""
    path = root / DVC_FILE
    if not path.is_file() or path.read_text(encoding="utf-8") != render(root):
        raise ConfigError(
            f"{DVC_FILE}: not what the table of steps gives; run `python -m components dvc-yaml --write`."
        )
