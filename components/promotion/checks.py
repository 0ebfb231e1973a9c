"""What a version must show before it may be champion: its gates passed, against whom it is to replace; its files are
those that were registered.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from components.core import bundle, layout
from components.core.errors import BundleError, ReleaseError
from components.tracking.registry import (
    DIGEST_TAG,
    GATE_TAG,
    JUDGED_TAG,
    NOBODY,
    ORDER_TAG,
    PASSED,
    ModelRegistry,
    RegisteredVersion,
)

GATES = f"{GATE_TAG}."  # one tag for every gate: "passed: …" or "failed: …"
Check = Callable[[Path], object]


def gates_digest(version: RegisteredVersion) -> str:
    """One sha256 for all that the gates said of a version."""
    told = (GATE_TAG, JUDGED_TAG)
    said = {key: value for key, value in version.tags.items() if key in told or key.startswith(GATES)}
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


def check_judged(
    version: RegisteredVersion, champion: RegisteredVersion | None, former: Collection[str], *, named: bool = False
) -> str | None:
    """Raise ReleaseError if a version's gates held it against another champion than the one it is to replace.

    champion  None: it replaces nobody. One with the same models and ranker loses nothing to it: the two differ in what
              is set at `register` only, which no gate compares
    former    versions that were champion before: going back to one must not wait for its gates
    named     whether a person named the champion that is replaced: who does knows that it is another one
    Returns   what is to be said where the gates tell nothing of the two, and it may replace the champion all the same
    """
    judged, order = version.tags.get(JUDGED_TAG), version.tags.get(ORDER_TAG)
    if champion is None or judged == champion.version or (order and order == champion.tags.get(ORDER_TAG)):
        return None
    now = f"version {champion.version}"
    if version.version in former:
        return f"champion before; its gates did not hold it against {now}"
    if judged is None:
        return f"no tag {JUDGED_TAG}: nothing says that its gates held it against {now}"
    whom = "no champion" if judged == NOBODY else f"version {judged}"
    if named:
        return f"its gates held it against {whom}, not against {now}"
    raise ReleaseError(
        f"release {version.version}: its gates held it against {whom}, and {now} is champion now. `make run` judges "
        f"the newest release against {now} and registers it as a version of its own: promote that one. Or decide "
        f"without: `shoploop promote {version.version} --expect {champion.version}`; the history will say so."
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
