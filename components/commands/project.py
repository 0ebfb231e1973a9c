"""Whether a command stands in a project's folder: what asks the registry elsewhere would make one there."""

from __future__ import annotations

from pathlib import Path

from components.core import layout
from components.core.config import PARAMS_FILE
from components.core.errors import ConfigError
from components.tracking.location import DATABASE

SIGNS = (Path(PARAMS_FILE), Path(DATABASE), layout.PROMOTIONS)  # one of them is enough


def check_project(root: Path) -> None:
    """Raise ConfigError, and make nothing, where `root` holds no params.yaml, no registry and no history."""
    if not any((root / sign).is_file() for sign in SIGNS):
        raise ConfigError(
            f"{root.resolve()}: this is no project's folder (no {', no '.join(map(str, SIGNS))}); "
            "go to the folder that `make run` runs in, and again."
        )
