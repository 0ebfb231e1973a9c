"""ingest: bring the source's tables into data/, and stop if they are not the pinned bytes."""

from __future__ import annotations

from pathlib import Path

from components.core import layout
from components.core.bundle import replacing
from components.core.privacy import read_privacy, write_privacy
from components.data.pin import check_pin
from components.data.protection import protection
from components.data.source import SourceChoice
from components.steps.result import StepResult


class IngestConfig(SourceChoice):
    """The source to ingest; section `source` of params.yaml."""


def ingest(config: IngestConfig, root: Path, seed: int) -> StepResult:
    """Copy the source into data/ and hold it to data.dvc; files that are there already are only checked.

    Raises DataError if the bytes are not the pinned ones, data/ is then left as it was; ConfigError if the key of the
    pseudonyms is another than before.
    """
    if not (root / layout.PRIVACY).exists():
        write_privacy(root, read_privacy(root))  # validate reads it
    protection(root, config)  # a wrong key stops the run here, also where DVC finds nothing to do
    data = root / layout.DATA
    if data.is_dir() and any(data.iterdir()):
        digest, done = check_pin(root), "already there"
    else:
        with replacing(data) as fresh:
            config.open().ingest(fresh)
            digest = check_pin(root, fresh)
        done = "copied"
    sizes = [p.stat().st_size for p in data.rglob("*") if p.is_file()]
    return StepResult(
        f"{config.component}: {len(sizes)} tables, {sum(sizes) / 1e6:.0f} MB, {done}; bytes as pinned",
        metrics={"files": len(sizes), "megabytes": round(sum(sizes) / 1e6, 1)},
        tags={"data_digest": digest, "source": config.component},
    )
