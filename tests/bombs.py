"""Pickles that write a file where somebody unpickles them: what the tests of untrusted input lay about."""

from __future__ import annotations

import pickle
from pathlib import Path


class Bomb:
    """Writes a file where somebody unpickles it."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        """Called by nobody but an unpickler."""
        return (open, (self.path, "w"))


def pickled(path: Path) -> bytes:
    """A bomb that writes to this path."""
    return pickle.dumps(Bomb(path))
