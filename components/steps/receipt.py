"""Receipts: what a step did, how long it took and with what, beside its outputs. They outlive the process.

A receipt is an output of its own that no other step reads: it holds times, so it differs from run to run while the
data outputs must not.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.core import bundle
from components.core.errors import BundleError
from components.tracking.runs import Record


@dataclass(frozen=True)
class Receipt:
    """One finished execution of a step.

    execution       unique id of this execution; the tag `execution` of its MLflow run
    started, ended  unix seconds
    cpu_seconds     of the process and its children; peak_mb is the largest resident memory
    read, wrote     sha256 by path relative to the project
    artifacts       paths relative to the project
    origin          which data, source, components, engine and code made it (steps/origin.py)
    """

    step: str
    execution: str
    summary: str
    started: float
    ended: float
    cpu_seconds: float
    peak_mb: float
    config: dict[str, Any]
    metrics: dict[str, float]
    curves: dict[str, list[float]]
    tags: dict[str, str]
    read: dict[str, str]
    wrote: dict[str, str]
    artifacts: list[str]
    origin: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.ended - self.started

    def write(self, path: Path) -> None:
        """Write it as JSON, atomically."""
        bundle.write_json(path, asdict(self))

    def record(self, root: Path) -> Record:
        """What MLflow is told of it."""
        costs = {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "peak_mb": self.peak_mb}
        files = tuple(path for path in (root / name for name in self.artifacts) if path.exists())
        return Record(
            self.step, self.execution, self.started, self.ended, self.config, self.metrics | costs, self.curves,
            self.tags, files,
        )  # fmt: skip


def read_receipt(path: Path) -> Receipt:
    """Read a receipt; BundleError if it is missing or not one of ours."""
    content = bundle.read_json(path)
    try:
        return Receipt(**content)
    except TypeError:
        raise BundleError(f"{path}: not a receipt of this version; run its step again.") from None


def digest(path: Path) -> str:
    """One sha256 for a file, or for a folder's files and their names."""
    if path.is_file():
        return bundle.sha256(path)
    if (path / bundle.MANIFEST).is_file():
        return bundle.digest(path)
    files = {str(p.relative_to(path)): bundle.sha256(p) for p in sorted(path.rglob("*")) if p.is_file()}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
