"""A trace: one place that keeps something of the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ROWS, FILE, BUNDLE, OBJECT, VERSION = "rows", "file", "bundle", "cached object", "release version"
COPY = "copy left by a killed run"


@dataclass(frozen=True)
class Trace:
    """Something that is kept of the person.

    area    data, artifacts, cache, online store, MLflow: the words of the closing table
    place   path relative to the project, or a name
    count   of `what`: rows, or one file, bundle, release version
    remove  does away with it; None where that is for a person to decide
    advice  what to do where it stays
    """

    area: str
    place: str
    what: str
    count: int = 1
    remove: Callable[[], None] | None = None
    advice: str = ""
