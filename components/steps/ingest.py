"""ingest: bring the source's tables into data/, and stop if they are not the pinned bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from components.core import layout
from components.core.bundle import replacing
from components.core.config import Config, parse
from components.core.registry import SOURCES
from components.data.pin import check_pin
from components.data.source import Source
from components.steps.result import StepResult


class IngestConfig(Config):
    """Which source, and its own options."""

    component: str = "complete_journey"
    params: dict[str, Any] = Field(default_factory=dict)

    def source(self) -> Source:
        """The source itself; ConfigError if it is unknown or refuses its options."""
        cls = SOURCES.get(self.component)
        return cls(parse(cls.Config, self.params, f"source {self.component}"))


def ingest(config: IngestConfig, root: Path, seed: int) -> StepResult:
    """Copy the source into data/ and hold it to data.dvc; files that are there already are only checked.

    Raises DataError if the bytes are not the pinned ones; data/ is then left as it was.
    """
    data = root / layout.DATA
    if data.is_dir() and any(data.iterdir()):
        digest, done = check_pin(root), "already there"
    else:
        with replacing(data) as fresh:
            config.source().ingest(fresh)
            digest = check_pin(root, fresh)
        done = "copied"
    files = [p for p in data.rglob("*") if p.is_file()]
    megabytes = sum(p.stat().st_size for p in files) / 1e6
    return StepResult(
        f"{config.component}: {len(files)} tables, {megabytes:.0f} MB, {done}; bytes as pinned.",
        metrics={"files": len(files), "megabytes": round(megabytes, 1)},
        tags={"data_digest": digest, "source": config.component},
    )
