"""What a version must show before it may be champion: its gates passed, its files those that were registered."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from components.core import bundle, layout
from components.core.errors import BundleError, ReleaseError
from components.tracking.registry import DIGEST_TAG, GATE_TAG, PASSED, ModelRegistry, RegisteredVersion

GATES = f"{GATE_TAG}."  # one tag for every gate: "passed: …" or "failed: …"
Check = Callable[[Path], object]


def gates_digest(version: RegisteredVersion) -> str:
    """One sha256 for all that the gates said of a version."""
    said = {key: value for key, value in version.tags.items() if key == GATE_TAG or key.startswith(GATES)}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def check_gates(version: RegisteredVersion) -> None:
    """Raise ReleaseError unless all gates of a version were passed."""
    gate = version.tags.get(GATE_TAG)
    failed = sorted(
        key.removeprefix(GATES)
        for key, value in version.tags.items()
        if key.startswith(GATES) and not value.startswith(PASSED)
    )
    if gate == PASSED and not failed:
        return
    found = f"it says '{gate}'" if gate else "it carries no gate result"
    also = f"; failed: {', '.join(failed)}" if failed else ""
    raise ReleaseError(
        f"release {version.version}: the gate was not passed ({found}{also}); "
        f"see {layout.DECISION}/ and train a better one."
    )


def check_files(registry: ModelRegistry, version: RegisteredVersion, check: Check | None = None) -> None:
    """Raise ReleaseError unless a version's files are, byte for byte, what was registered.

    check  called with the release's folder after that; a ReleaseError it raises refuses the version.
           `release.load.load` is what a service asks of a release.
    """
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = registry.fetch(version, Path(scratch))
            _verify(folder, version)
            if check is not None:
                check(folder)
    except (BundleError, OSError) as e:
        raise ReleaseError(f"release {version.version}: its files do not verify: {e}") from None


def _verify(folder: Path, version: RegisteredVersion) -> None:
    bundle.verify(folder)
    found, registered = bundle.digest(folder), version.tags.get(DIGEST_TAG)
    if found != registered:
        told = f"registered {registered[:12]}" if registered else f"no tag '{DIGEST_TAG}' says what was registered"
        raise ReleaseError(
            f"release {version.version}: its files are not those that were registered (found {found[:12]}, {told}); "
            "restore them or register the release again."
        )
