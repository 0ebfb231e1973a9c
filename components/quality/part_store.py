"""The part store: what was made of single raw files, kept from run to run under keys that name all that went into it.

A part is a sealed folder (components/core/bundle.py): it is there whole or not at all, and one that was altered counts
as unknown and is made anew. The store may be deleted; the next run then makes every part again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from components.core import bundle
from components.core.errors import BundleError

KEY_LETTERS = 24


def key_of(*content: Any) -> str:
    """A key that names JSON-ready content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:KEY_LETTERS]


class PartStore:
    """Parts in `folder`/<kind>/<key>."""

    def __init__(self, folder: Path):
        """The folder is made when the first part is kept."""
        self.folder = Path(folder)

    def find(self, kind: str, key: str) -> Path | None:
        """The folder of a part, checked against its manifest; None if there is none or it was altered."""
        path = self.folder / kind / key
        try:
            bundle.verify(path)
        except BundleError:
            return None
        return path

    def make(self, kind: str, key: str, fill: Callable[[Path], None]) -> Path:
        """Make a part by `fill`, which writes into an empty folder; returns where it then lies."""
        path = self.folder / kind / key
        with bundle.replacing(path) as fresh:
            fill(fresh)
            bundle.seal(fresh, {})
        return path

    def keep_only(self, used: Collection[Path]) -> None:
        """Forget all parts but these: of files that are gone, or judged by other rules."""
        for path in self.folder.glob("*/*"):
            if path not in used:
                shutil.rmtree(path, ignore_errors=True)
