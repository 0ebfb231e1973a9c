"""Whether what `gate` and `register` wrote still stands: both read the registry, which DVC does not see.

A person may have promoted, rolled back or removed releases since; DVC would still call both steps up to date.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.core import bundle, layout
from components.core.errors import BundleError
from components.steps.receipt import digest, read_receipt
from components.tracking.registry import CHAMPION, DIGEST_TAG, ModelRegistry

REGISTER_RECEIPT = layout.RECEIPTS / "register.json"


def decision_stands(root: Path) -> bool:
    """Whether the decision was made against the present champion, or made its own release the champion since."""
    decision = _read(root / layout.DECISION / "decision.json")
    champion = ModelRegistry(root=root).aliases().get(CHAMPION)
    return decision is not None and (decision["champion"] == champion or _is_own_release(champion, root))


def registration_stands(root: Path) -> bool:
    """Whether the registry still knows the registered version, by the digest of its release."""
    registered = _read(root / layout.REGISTRATION / "registered.json")
    if registered is None:
        return False
    versions = ModelRegistry(name=registered["name"], root=root).versions()
    return (registered["version"], registered["release_digest"]) in {
        (v.version, v.tags.get(DIGEST_TAG)) for v in versions
    }


CHECKS: dict[str, Callable[[Path], bool]] = {"gate": decision_stands, "register": registration_stands}


def _is_own_release(champion: str | None, root: Path) -> bool:
    """Whether the champion is the release that this very decision let into the registry."""
    registered = _read(root / layout.REGISTRATION / "registered.json")
    if registered is None or registered["version"] != champion or not registration_stands(root):
        return False
    judged = read_receipt(root / REGISTER_RECEIPT).read[str(layout.DECISION)]
    return judged == digest(root / layout.DECISION)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return bundle.read_json(path)
    except BundleError:
        return None
