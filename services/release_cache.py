"""Verified copies of releases on this machine, so that the service starts and rolls back without the registry."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import bundle
from components.core.errors import BundleError, ReleaseError
from components.release.load import load
from components.release.release import Release
from components.tracking.registry import DIGEST_TAG
from services.flights import Flights

if TYPE_CHECKING:
    from components.tracking.registry import ModelRegistry, RegisteredVersion

LAST_SERVED = "last_served.json"
DIGEST = re.compile(r"[0-9a-f]{64}")
KEPT = 6  # champion, the one before, canary, challenger, shadow, and one more
FETCHED = ".fetch."  # begins the name of a folder that is being fetched
FORGOTTEN_S = 3600.0  # a fetch that was killed lies about for so long


@dataclass(frozen=True)
class Serving:
    """What answers: one release, as one reference.

    version   None where a folder is served without a registry
    on_trial  a canary: an answer of it that cannot be right is not given
    flights   the answers it works on
    """

    release: Release
    version: str | None
    loaded_at: str
    on_trial: bool = False
    flights: Flights = field(default_factory=Flights, compare=False)


def serving(release: Release, version: str | None) -> Serving:
    """A release that begins to serve now."""
    return Serving(release, version, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")


@dataclass(frozen=True)
class Prepared:
    """A version that may serve at once: its gates, files, golden answers and what it needs here were checked.

    champion  what served then: the pace was judged against it
    """

    candidate: Serving
    champion: Serving

    def is_of(self, version: str, champion: Serving) -> bool:
        """Whether it is still about these two."""
        return self.candidate.version == version and self.champion.release is champion.release


@dataclass(frozen=True)
class _LastServed:
    version: str
    digest: str


class ReleaseCache:
    """Folders named by the release's digest."""

    def __init__(self, folder: Path):
        """folder: made when the first release arrives."""
        self.folder = folder

    def last_served(self) -> Serving | None:
        """The release that served last, verified again; None where there is none.

        Raises ReleaseError if it no longer verifies.
        """
        note = self.folder / LAST_SERVED
        if not note.exists():
            return None
        try:
            last = _LastServed(**bundle.read_json(note))
        except (BundleError, TypeError) as e:
            raise ReleaseError(f"{note}: cannot be read: {e}") from None
        return serving(load(self.folder / _checked(last.digest)), last.version)

    def get(self, registry: ModelRegistry, version: RegisteredVersion) -> Serving:
        """A registered version, from here if it verifies here, else fetched, verified and kept.

        Raises ReleaseError if it is not what was registered or does not verify.
        """
        digest = _checked(version.tags.get(DIGEST_TAG, ""))
        kept = self.folder / digest
        if kept.is_dir():
            try:
                return serving(load(kept), version.version)
            except ReleaseError:
                shutil.rmtree(kept, ignore_errors=True)  # spoilt on this machine; the registered one may be sound
        return serving(self._fetched(registry, version, kept), version.version)

    def note_served(self, what: Serving) -> None:
        """Remember what serves now for the next start, and let go of the oldest copies."""
        bundle.write_json(self.folder / LAST_SERVED, asdict(_LastServed(what.version, what.release.digest)))
        self._let_go({what.release.digest})

    def _let_go(self, needed: set[str]) -> None:
        """Remove all copies but KEPT, the oldest first, and what killed fetches left; never a needed digest's."""
        copies = [path for path in self.folder.iterdir() if DIGEST.fullmatch(path.name)]
        others = sorted((path for path in copies if path.name not in needed), key=_age)
        left = [path for path in self.folder.glob(f"{FETCHED}*") if time.time() - _age(path) > FORGOTTEN_S]
        for old in others[: max(0, len(copies) - KEPT)] + left:
            shutil.rmtree(old, ignore_errors=True)

    def _last_digest(self) -> set[str]:
        try:
            return {bundle.read_json(self.folder / LAST_SERVED)["digest"]}
        except (BundleError, OSError, KeyError, TypeError):
            return set()

    def _fetched(self, registry: ModelRegistry, version: RegisteredVersion, kept: Path) -> Release:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=FETCHED, dir=self.folder) as scratch:
            fresh = Path(scratch) / kept.name
            shutil.copytree(registry.fetch(version, Path(scratch)), fresh)
            release = load(fresh)
            if release.digest != kept.name:
                raise ReleaseError(
                    f"release {version.version}: its files are not those that were registered "
                    f"(found {release.digest[:12]}, registered {kept.name[:12]})."
                )
            _keep(fresh, kept)
            self._let_go({kept.name} | self._last_digest())  # a challenger a night is fetched, and may never serve
            return release


def _keep(fresh: Path, kept: Path) -> None:
    """Move a verified copy to its place; where another service was quicker, its equal copy stays."""
    try:
        fresh.rename(kept)
    except OSError:
        if not kept.is_dir():
            raise


def _age(folder: Path) -> float:
    """When a copy was made; 0 if another service has just removed it."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _checked(digest: object) -> str:
    """A digest that is one: names from a registry or a file never become paths unchecked."""
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise ReleaseError(
            f"release: '{str(digest)[:80]}' is not a digest; register the release with `dvc repro register`."
        )
    return digest
