"""A project: raw files of a source copied and pinned, the committed suites with small tables allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.core import layout
from components.data.pin import write_pin
from components.data.source import SourceChoice
from components.steps.validate import ValidateConfig, validate

SUITES = Path(__file__).parents[3] / layout.EXPECTATIONS


def project(root: Path, params: dict[str, Any], component: str = "tables") -> SourceChoice:
    """Copy the files that `params` name into root/data, pin them, and bring the suites."""
    choice = SourceChoice(component=component, params=params, pseudonymise=False)
    data = root / layout.DATA
    data.mkdir(parents=True)
    choice.open().ingest(data)
    write_pin(data, root / layout.DATA_PIN)
    for file in SUITES.rglob("*.json"):
        suite = json.loads(file.read_text(encoding="utf-8"))
        for rule in suite["expectations"]:
            if rule["meta"]["rule"] == "row_count":
                rule["kwargs"]["min_value"] = 1
        copy = root / layout.EXPECTATIONS / file.relative_to(SUITES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(suite), encoding="utf-8")
    return choice


def validated(root: Path, params: dict[str, Any], **config: Any):
    """Make the project and run the validate step on it."""
    return validate(ValidateConfig(source=project(root, params), **config), root, 0)
