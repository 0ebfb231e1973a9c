"""The pin: data.dvc names the bytes that data/ must hold, and a run on other bytes stops.

The digest is DVC's own (md5 of every file, then md5 of the sorted list), so `dvc status` and `check_pin` agree. But DVC
alone does not hold the line: a plain `dvc repro` takes whatever lies in data/ and writes its digest into data.dvc, even
with `frozen: true` (DVC 3.67). So data.dvc also carries, under `meta`, the md5 of every file. DVC keeps that list and
never rewrites it; it is what `check_pin` holds the data to, and only `python -m components.data.pin` renews it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml

from components.core import layout
from components.core.bundle import write_text
from components.core.errors import DataError

ACCEPT = "python -m components.data.pin"
# The order matters: a file that `snapshot add` brought in, or a person whom `forget` took out, is not undone by either
# the copy or DVC's cache; fetching the source again, or an older data.dvc from git, would undo both.
REMEDY = (
    f"First keep a copy of {layout.DATA}/. Then `dvc checkout {layout.DATA_PIN}` brings the pinned bytes back, where "
    f"DVC's cache has them; only where the source can still give exactly these files, move {layout.DATA}/ away and run "
    f"the ingest step; or, if the bytes that are there are meant, accept them: `{ACCEPT}`."
)


def file_digests(folder: Path) -> dict[str, str]:
    """md5 of every file below `folder`, by relative path, sorted."""
    folder = Path(folder)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): _md5(p) for p in files}


def folder_digest(digests: dict[str, str]) -> str:
    """DVC's digest of a folder, from the digests of its files."""
    listing = [{"md5": md5, "relpath": name} for name, md5 in sorted(digests.items())]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def read_pin(path: Path) -> tuple[str, dict[str, str]]:
    """What a .dvc file says: DVC's digest of the folder, and our list of its files.

    Raises DataError if the file is missing or does not hold both.
    """
    remedy = f"restore it with `git checkout {Path(path).name}`"
    try:
        pin = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        (out,) = pin["outs"]
        return str(out["md5"]), {str(name): str(md5) for name, md5 in pin["meta"]["files"].items()}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {remedy}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise DataError(f"{path}: does not pin one folder and its files; {remedy}.") from None


def write_pin(folder: Path, path: Path) -> str:
    """Accept the bytes that `folder` holds now: write its .dvc file, beside the folder; returns the digest."""
    digests = file_digests(folder)
    digest = folder_digest(digests)
    size = sum((Path(folder) / name).stat().st_size for name in digests)
    out = {"md5": digest, "size": size, "nfiles": len(digests), "hash": "md5", "path": Path(folder).name}
    write_text(path, yaml.safe_dump({"outs": [out], "meta": {"files": digests}}, sort_keys=False))
    return digest


def check_pin(root: Path, folder: Path | None = None) -> str:
    """Hold data/ (or a `folder` that is about to become it) to data.dvc; returns the digest.

    Raises DataError that says which files differ, what was found, and what to do.
    """
    recorded, pinned = read_pin(root / layout.DATA_PIN)
    found = file_digests(folder or root / layout.DATA)
    if found != pinned:
        raise DataError(
            f"{layout.DATA}/: not the pinned data: {_difference(pinned, found)}. Found {folder_digest(found)}, "
            f"{layout.DATA_PIN} pins {folder_digest(pinned)}. {REMEDY}"
        )
    if recorded != folder_digest(pinned):
        raise DataError(
            f"{layout.DATA_PIN}: DVC recorded {recorded}, but the listed files make {folder_digest(pinned)}; "
            f"restore it with `git checkout {layout.DATA_PIN}`, or accept what is in {layout.DATA}/ with `{ACCEPT}`."
        )
    return recorded


def _difference(pinned: dict[str, str], found: dict[str, str]) -> str:
    kinds = {
        "altered": [name for name in pinned if name in found and found[name] != pinned[name]],
        "missing": [name for name in pinned if name not in found],
        "not expected": [name for name in found if name not in pinned],
    }
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names)


def _md5(path: Path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "md5").hexdigest()


if __name__ == "__main__":
    print(f"{layout.DATA_PIN}: pinned {write_pin(layout.DATA, layout.DATA_PIN)}; commit that file.")
