"""An arrival under way: files on their way into data/ are noted first, so that a killed run is completed, not stuck.

`.arrivals/` lies beside data/ (one file system: a file moves in at one stroke); git ignores it. It holds the copies
and, once all of them were found good, a note of their names and md5. With a note, the files move in, data.dvc is
renewed, and the folder goes; killed in between, `complete` does what is left. Without one, nothing had entered.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.core import layout
from components.core.bundle import read_json, write_json
from components.core.errors import DataError
from components.core.folder_lock import locked
from components.data.pin import file_digests, read_pin, write_pin

NOTE = layout.ARRIVALS / "note.json"
MD5 = "md5"


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nobody else brings files in meanwhile; DataError if somebody does. The lock goes with the process."""
    with locked(root, wait=False) as ours:
        if not ours:
            raise DataError("snapshot: another run brings files in just now; wait for it to end.")
        yield


@contextmanager
def beside(root: Path) -> Iterator[Path]:
    """The folder for the copies, empty; it goes at the end, unless a note says that it is still needed."""
    folder = root / layout.ARRIVALS
    folder.mkdir()
    try:
        yield folder
    finally:
        if not (root / NOTE).exists():
            shutil.rmtree(folder, ignore_errors=True)


def note(root: Path, arrivals: dict[str, dict[str, Any]]) -> None:
    """Write down what is about to move into data/: facts of every file, by its name there; its md5 is added."""
    digests = file_digests(root / layout.ARRIVALS / layout.DATA.name)
    write_json(root / NOTE, {name: facts | {MD5: digests[name]} for name, facts in arrivals.items()})


def complete(root: Path) -> dict[str, dict[str, Any]]:
    """Move in what is noted, pin it and drop the note; returns the noted facts by name, none where nothing was noted.

    Raises DataError, and moves nothing, if a noted file is gone, or data/ holds anything else that is not pinned.
    """
    noted = read_json(root / NOTE) if (root / NOTE).is_file() else {}
    if noted:
        _check(root, {name: facts[MD5] for name, facts in noted.items()})
        for name in noted:
            copy, target = root / layout.ARRIVALS / layout.DATA.name / name, root / layout.DATA / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if copy.is_file():
                os.replace(copy, target)
        write_pin(root / layout.DATA, root / layout.DATA_PIN)
        (root / NOTE).unlink()
    if (root / layout.ARRIVALS).is_dir():
        shutil.rmtree(root / layout.ARRIVALS)
    return noted


def refuse_unfinished(root: Path) -> None:
    """DataError if a killed run left copies: they are no part of data/ yet, but may name a person."""
    if (root / layout.ARRIVALS).exists():
        raise DataError(
            f"{layout.ARRIVALS}/: a `shoploop snapshot add` was killed and left copies; run it again, it completes "
            "what it had begun."
        )


def _check(root: Path, noted: dict[str, str]) -> None:
    """Renewing the pin accepts what lies in data/, so that must be the pinned files and the noted ones, no others."""
    waiting, found = file_digests(root / layout.ARRIVALS / layout.DATA.name), file_digests(root / layout.DATA)
    _, pinned = read_pin(root / layout.DATA_PIN)
    there = {name: md5 for name, md5 in waiting.items() if name in noted} | found
    expected = pinned | noted
    wrong = sorted(name for name in {*there, *expected} if there.get(name) != expected.get(name))
    if wrong:
        raise DataError(
            f"{layout.ARRIVALS}/: a killed `snapshot add` cannot be completed: {', '.join(wrong)} is missing or is "
            f"neither what {layout.DATA_PIN} pins nor what was to come. Put that right, or keep copies of "
            f"{', '.join(noted)}, take them out of {layout.DATA}/ and remove {layout.ARRIVALS}/."
        )
