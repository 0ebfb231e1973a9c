"""Somebody's files: found by the paths that params.yaml gives, and copied into data/ byte for byte."""

from __future__ import annotations

import glob
import importlib.util
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.core.errors import DataError
from components.core.progress import track


def find(patterns: Sequence[str], where: str) -> list[tuple[Path, str]]:
    """The files that paths and patterns name, each with the name it gets in data/; sorted by that.

    patterns  files, folders (with all that is below them) or patterns as in "orders/*.csv", relative or absolute
    where     names the parameter in messages
    Raises    DataError if a path names nothing, or two files would get one name
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        files = _expand(pattern)
        if not files:
            raise DataError(
                f"{where}: no file at {pattern} (looked from {Path.cwd()}); correct `files` in params.yaml."
            )
        for file, name in files:
            if name in found and found[name] != file:
                raise DataError(f"{where}: {file} and {found[name]} have one name; give them in one pattern or rename.")
            found[name] = file
    return [(file, name) for name, file in sorted(found.items())]


def copy(files: Iterable[tuple[Path, str]], folder: Path) -> None:
    """Copy files to their names below `folder`, which is made.

    Raises DataError if a file cannot be read, or changed while it was copied.
    """
    for file, name in track(list(files), "copying the shop's files"):
        target = Path(folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            before = _state(file)
            shutil.copyfile(file, target)
            changed = _state(file) != before or target.stat().st_size != before[0]
        except PermissionError:
            raise DataError(f"{file}: no permission to read it; ask its owner, or run as somebody who may.") from None
        if changed:
            raise DataError(f"{file}: changed while it was read; copy it when nothing writes to it any more.")


def package_folder(package: str, component: str) -> Path:
    """Folder of an installed package that carries data; it is not imported, that would import what it needs."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise DataError(f"{component}: the package {package} is not installed; run `make setup`.")
    return Path(found.submodule_search_locations[0])


def _expand(pattern: str) -> list[tuple[Path, str]]:
    """Files with their paths below the part of the pattern that holds no sign of one."""
    path = Path(pattern).expanduser()
    if path.is_dir():
        return [(file, file.relative_to(path).as_posix()) for file in sorted(path.rglob("*")) if _is_data(file, path)]
    if path.is_file() or not glob.has_magic(str(path)):  # a file may be called a[1].txt
        return [(path, path.name)] if path.is_file() else []
    fixed = _fixed_part(path)
    matches = sorted(fixed.glob(str(path.relative_to(fixed))))
    return [(file, file.relative_to(fixed).as_posix()) for file in matches if file.is_file()]


def _fixed_part(path: Path) -> Path:
    parts = []
    for part in path.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _is_data(file: Path, folder: Path) -> bool:
    """Not a folder, nor what Spark and file managers leave beside the data."""
    return file.is_file() and not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts)


def _state(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns
