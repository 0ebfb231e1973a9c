"""A refusal: validate stopped, and what lies in the quarantine is of data of which nothing was accepted.

artifacts/quarantine/refused.json  the rules that said stop, in words; absent where the data were accepted
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.core.bundle import read_json, write_json

REFUSED = "refused.json"


def write_refusal(folder: Path, reasons: Sequence[str]) -> None:
    """Note in the quarantine `folder` that its rows are of refused data, and why these were refused."""
    write_json(folder / REFUSED, list(reasons))


def refusal(folder: Path) -> list[str]:
    """Why the data of a quarantine were refused; empty if they were accepted, or none were judged."""
    path = Path(folder) / REFUSED
    return read_json(path) if path.is_file() else []
