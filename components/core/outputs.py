"""Folders that a person names for a result: what a command did not write itself is never replaced there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from components.core.bundle import MANIFEST
from components.core.errors import ConfigError

SHOWN = 3  # names of files in a refusal


@dataclass(frozen=True)
class Output:
    """What a command writes into the folder of its result, and how that is known again.

    what      in words, as "a search index"
    marks     name → keys: JSON files any of which shows that the rest is ours; a folder where there are no keys
    files     patterns of what it writes, beside what a sealed folder's manifest names
    replaced  globs of what it replaces or removes; what else lies there stays, and is not looked at
    """

    what: str
    marks: Mapping[str, tuple[str, ...]]
    files: tuple[str, ...]
    replaced: tuple[str, ...] = ("**/*",)

    def check(self, folder: Path) -> None:
        """Raise ConfigError if anything would be replaced there that is not such a result; ask before the work."""
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder}: is a file; --out names a folder.")
        strange = list(islice(self._strange(folder), SHOWN + 1))
        if strange:
            shown = ", ".join(sorted(strange[:SHOWN])) + (" and more" if strange[SHOWN:] else "")
            raise ConfigError(
                f"{folder}: holds {shown}, which would be lost and is no part of {self.what}; nothing was touched. "
                "Name an empty folder with --out, or move what is there."
            )

    def _strange(self, folder: Path) -> Iterator[str]:
        known = any(_is_there(folder / name, keys) for name, keys in self.marks.items())
        ours = _sealed(folder) if known else set()
        patterns = self.files if known else ()
        for path in (path for glob in self.replaced for path in folder.glob(glob)):
            name = str(path.relative_to(folder))
            if (path.is_symlink() or not path.is_dir()) and name not in ours and not _any(name, patterns):
                yield name


def _is_there(path: Path, keys: tuple[str, ...]) -> bool:
    if not keys:
        return path.is_dir()
    content = _json(path)
    return isinstance(content, dict) and all(key in content for key in keys)


def _sealed(folder: Path) -> set[str]:
    """Names in the folder's manifest, and its own."""
    content = _json(folder / MANIFEST)
    files = content.get("files") if isinstance(content, dict) else None
    return {MANIFEST, *files} if isinstance(files, dict) else set()


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
