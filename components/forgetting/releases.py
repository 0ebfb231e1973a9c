"""Releases that still know the person. They are not changed: a release is what was judged, and may be serving."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import unquote, urlparse

from components.core import layout
from components.core.errors import RegistryError, ReleaseError
from components.forgetting.outputs import kept_of, tree_of
from components.forgetting.person import Person
from components.forgetting.trace import BUNDLE, VERSION, Trace
from components.tracking.registry import CHAMPION, ModelRegistry

AREA = "release"
CACHE = "releases"  # the service's verified copies, in its state folder
SERVING = (
    "it is champion: run the loop, promote the release without the person, let the service follow, then delete this "
    "version in MLflow with its run"
)
RETIRED = "delete this version in MLflow with its run; it can then no longer be rolled back to"
COPY = "the service's own copy: stop the service, remove this folder, start it when another release is champion"


def find_releases(root: Path, registry: ModelRegistry, person: Person) -> list[Trace]:
    """Registered versions whose files know the person, and the service's copies of them."""
    champion = registry.aliases().get(CHAMPION)
    found = []
    for version in registry.versions():
        place = f"version {version.version}"
        with tempfile.TemporaryDirectory(prefix="shoploop-forget-") as scratch:
            try:
                folder = registry.fetch(version, Path(scratch))
            except RegistryError:
                raise
            except ReleaseError as e:
                found.append(Trace(AREA, place, VERSION, advice=f"could not be looked into: {e}"))
                continue
            if knows(folder, person):
                advice = SERVING if version.version == champion else RETIRED
                found.append(Trace(AREA, place, VERSION, advice=advice))
    copies = sorted(path for path in (root / layout.STATE / CACHE).glob("*") if path.is_dir())
    known = [folder for folder in copies if knows(folder, person)]
    return found + [Trace(AREA, str(folder.relative_to(root)), BUNDLE, advice=COPY) for folder in known]


def knows(folder: Path, person: Person) -> bool:
    """Whether a release's folder names the person anywhere."""
    return bool(kept_of(tree_of(folder, folder), person))


def local_folders(registry: ModelRegistry) -> set[Path]:
    """Where the versions' files lie on this machine."""
    sources = [urlparse(version.source) for version in registry.versions()]
    return {Path(unquote(s.path)).resolve() for s in sources if s.scheme in ("", "file")}
