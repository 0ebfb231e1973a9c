"""A person's traces in DVC's cache: objects of earlier outputs and raw data, and the run cache that would restore them.

DVC keeps every version of every output under .dvc/cache/files/md5 by its md5; a folder is a `.dir` object that lists
its files. An entry of the run cache (.dvc/cache/runs) names the outputs of a past run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from components.core.errors import ShoploopError
from components.core.progress import track
from components.forgetting.outputs import dataset_digests, fitted_on, kept_of, rows_in
from components.forgetting.person import Person
from components.forgetting.trace import OBJECT, Trace

AREA = "cache"
DIR = ".dir"
TIMEOUT_S = 60


def cache_folder(root: Path) -> Path | None:
    """DVC's cache of this project, None where there is none; ShoploopError if DVC cannot say."""
    if not (root / ".dvc").is_dir():
        return None
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if said.returncode:
        raise ShoploopError(f"forget: DVC does not say where its cache lies: {said.stderr.strip()[-300:]}")
    folder = (root / said.stdout.strip().splitlines()[-1]).resolve()
    return folder if folder.is_dir() else None


def find_cached(cache: Path | None, raw: Iterable[str], person: Person) -> list[Trace]:
    """Objects that keep something of the person, in the order in which they may go: listings last.

    raw  files below data/ that hold the person's rows now; every cached version of them goes
    """
    if cache is None:
        return []
    objects = {_md5(path): path for path in sorted((cache / "files" / "md5").glob("??/*")) if path.is_file()}
    listings = {md5: _listing(path) for md5, path in objects.items() if md5.endswith(DIR)}
    gone = _in_outputs(objects, listings, set(raw), person)
    listed = {at for listing in listings.values() for at in listing.values()}
    for md5 in track(sorted(set(objects) - set(listings) - listed), "cached files"):
        if rows_in(objects[md5], "", person) or person.is_in_file(objects[md5]):
            gone.add(md5)
    stale = {md5 for md5, listing in listings.items() if gone & set(listing.values())}
    files = [objects[md5] for md5 in sorted(gone & set(objects))]
    return [_trace(cache, path) for path in (*files, *_runs(cache, gone | stale), *(objects[m] for m in sorted(stale)))]


def _in_outputs(
    objects: dict[str, Path], listings: dict[str, dict[str, str]], raw: set[str], person: Person
) -> set[str]:
    """md5 of the files of cached folders that keep something of the person."""
    trees = {m: {name: objects[at] for name, at in listed.items() if at in objects} for m, listed in listings.items()}
    gone: set[str] = set()
    bundles: dict[str, set[str]] = {}
    datasets: set[str] = set()
    for md5, tree in track(list(trees.items()), "cached outputs"):
        kept = kept_of(tree, person)
        bundles[md5] = kept.bundles
        datasets |= dataset_digests(tree, kept.bundles)
        paths = {*kept.rows, *kept.files, *(raw & set(tree))}
        gone |= {listings[md5][path] for path in paths}
    for md5, tree in trees.items():
        for folder in bundles[md5] | fitted_on(tree, datasets):
            gone |= {at for name, at in listings[md5].items() if folder == "." or name.startswith(f"{folder}/")}
    return gone


def _trace(cache: Path, path: Path) -> Trace:
    return Trace(AREA, str(path.relative_to(cache)), OBJECT, remove=lambda: _unlink(path))


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _md5(path: Path) -> str:
    return path.parent.name + path.name


def _listing(path: Path) -> dict[str, str]:
    try:
        return {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, KeyError, TypeError):
        return {}  # DVC would not believe it either


def _runs(cache: Path, gone: set[str]) -> list[Path]:
    """Entries of the run cache that would restore what goes."""
    return [path for path in sorted((cache / "runs").glob("*/*/*")) if path.is_file() and gone & _outputs(path)]


def _outputs(path: Path) -> set[str]:
    try:
        return {str(out.get("md5")) for out in yaml.safe_load(path.read_text(encoding="utf-8"))["outs"]}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        return set()
