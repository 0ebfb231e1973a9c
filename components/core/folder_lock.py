"""A lock on a folder: of all that ask for it, in whatever process, one goes on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.errors import ConfigError


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whether it is ours, always true where one waits for it. The lock goes with the process.

    It is on the folder itself, so it outlives files in it that are replaced.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _taken(handle, wait=wait)
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The folder, made where it is missing, for this process alone; ConfigError while another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait=False) as ours:
        if not ours:
            raise ConfigError(f"{folder}: another run is under way in it; wait for its end, or name another folder.")
        yield


def _taken(handle: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
