"""The lineage of a registered release: its own files held to their digest, then the receipts that went with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from components.core import bundle, layout
from components.core.errors import ReleaseError, ShoploopError
from components.steps.lineage import SHORT, Chain, Link, read_receipts
from components.tracking.registry import DIGEST_TAG, GATE_TAG, LINEAGE, ModelRegistry, RegisteredVersion

SHORTEST_DIGEST = 8  # letters by which a release may be named
JUDGE = "gate"  # the last step before a release is assembled; it reads what the release is made of


def find_version(registry: ModelRegistry, name: str) -> RegisteredVersion:
    """The version named by its number, by its digest or by the beginning of its digest; ReleaseError if none is."""
    if name.isdecimal() and len(name) < SHORTEST_DIGEST:
        return registry.version(name)
    found = [v for v in registry.versions() if v.tags.get(DIGEST_TAG, "").startswith(name.lower())]
    if len(found) != 1 or len(name) < SHORTEST_DIGEST:
        known = ", ".join(f"{v.version} ({v.tags.get(DIGEST_TAG, '')[:SHORT]})" for v in registry.versions())
        raise ReleaseError(
            f"{name}: no artifact of this project, no answer that was logged here, and no release of that version or "
            f"digest; known releases: "
            f"{known or 'none yet'}."
        )
    return found[0]


def release_lineage(root: Path, registry: ModelRegistry, name: str, find_run: Callable[[str], str | None]) -> Link:
    """The chain of a registered release, named by its version or its digest.

    It is told from the receipts that were stored with the release, because later runs replace those of the project.
    """
    version = find_version(registry, name)
    with tempfile.TemporaryDirectory(prefix="shoploop-lineage-") as scratch:
        link = Link(f"release version {version.version}", _facts(version), _trouble(registry, version, Path(scratch)))
        kept = registry.lineage(version, Path(scratch))
        if kept is None:
            link.sources = [Link(LINEAGE, trouble="no receipts were stored with this release")]
            return link
        chain = Chain(root, read_receipts(kept / layout.RECEIPTS.name), kept / layout.DATA_PIN, find_run, live=False)
        judge = chain.receipts.get(JUDGE)
        if judge is None:
            made = sorted({path for receipt in chain.receipts.values() for path in receipt.wrote})
            link.sources = [chain.artifact(path) for path in made]
        else:
            link.sources = [chain.artifact(path, read, JUDGE) for path, read in judge.read.items()]
            link.sources += [chain.artifact(path) for path in judge.wrote]
    return link


def _facts(version: RegisteredVersion) -> list[str]:
    tags = version.tags
    source, commit = (tags.get(name, "unknown")[:SHORT] for name in ("source_digest", "git_commit"))
    return [
        f"digest {tags.get(DIGEST_TAG, 'unknown')}, gate {tags.get(GATE_TAG, 'none')}, MLflow run {version.run_id}",
        f"data {tags.get('data_digest', 'unknown')}, source config {source}, commit {commit}",
    ]


def _trouble(registry: ModelRegistry, version: RegisteredVersion, scratch: Path) -> str | None:
    try:
        folder = registry.fetch(version, scratch)
        bundle.verify(folder)
    except (ShoploopError, OSError) as e:
        return str(e)
    found, registered = bundle.digest(folder), version.tags.get(DIGEST_TAG, "")
    return None if found == registered else f"its files are not those that were registered (found {found[:SHORT]})"
