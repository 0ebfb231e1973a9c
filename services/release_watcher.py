"""Follow the champion: notice a moved alias, verify the release beside the traffic, swap by one assignment.

What does not verify is refused with a reason and the last good release goes on serving. MLflow is imported in the
watcher's thread, after a release from the local cache already answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.core.errors import RegistryError, ShoploopError
from components.release.load import load
from components.release.release import Release
from services.messages import Refusal
from services.release_cache import ReleaseCache, Serving, serving
from services.settings import Settings

logger = logging.getLogger("shoploop.release_watcher")

RETRY_S = 30.0  # a refused version is tried again: its files may have been restored
CACHE = "releases"
FOLDER, CACHED = "folder", "cached"  # names of releases without a version, in a refusal


@dataclass
class _Attempt:
    version: str
    at: float


class ReleaseWatcher:
    """`current` is what answers; a request takes it once and is served by that one release to its end."""

    def __init__(self, settings: Settings, check: Callable[[Release], None], on_swap: Callable[[], None]):
        """check raises a ShoploopError if a sound release cannot serve here; on_swap is called after every change."""
        self.settings = settings
        self._check = check
        self.current: Serving | None = None
        self.refused: Refusal | None = None
        self.registry_error: str | None = None
        self._cache = ReleaseCache(Path(settings.state) / CACHE)
        self._on_swap = on_swap
        self._failed: _Attempt | None = None
        self._stop = threading.Event()
        self._registry = None
        self._thread = threading.Thread(target=self._watch, name="release-watcher", daemon=True)

    def start(self) -> None:
        """Serve the configured folder, or the release served last while the champion is looked up.

        What cannot be served is refused with its reason, and the service is not ready: BentoML would start a worker
        that raises here again and again.
        """
        if self.settings.release is not None:
            self._start_with(FOLDER, lambda: serving(load(self.settings.release), None))
            return
        self._start_with(CACHED, self._cache.last_served)
        self._thread.start()

    def _start_with(self, name: str, find: Callable[[], Serving | None]) -> None:
        try:
            found = find()
            if found is not None:
                self._swap(found)
        except (ShoploopError, OSError) as e:
            self._refuse(name, e)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
                self.registry_error = None
            except RegistryError as e:
                self.registry_error = str(e)
            except Exception as e:  # this thread must live; serving goes on and the reason is shown
                self.registry_error = f"{type(e).__name__}: {str(e)[:300]}"
            self._stop.wait(self.settings.poll_s)

    def _look(self) -> None:
        """One look at the alias, and the swap if it points elsewhere."""
        registry = self._connected()
        from components.tracking.registry import CHAMPION

        champion = registry.aliases().get(CHAMPION)
        if champion is None or self._is_settled(champion):
            return
        version = registry.version(champion)
        try:
            candidate = self._cache.get(registry, version)
            self._swap(candidate)
            self._cache.note_served(candidate)
        except (ShoploopError, OSError) as e:
            self._failed = _Attempt(champion, time.monotonic())
            self._refuse(champion, e)

    def _is_settled(self, champion: str) -> bool:
        if self.current is not None and self.current.version == champion:
            self._failed = self.refused = None  # an alias moved back is no longer a refusal
            return True
        failed = self._failed
        return failed is not None and failed.version == champion and time.monotonic() - failed.at < RETRY_S

    def _connected(self):
        if self._registry is None:
            from components.tracking.registry import ModelRegistry

            self._registry = ModelRegistry(root=self.settings.root)
        return self._registry

    def _swap(self, candidate: Serving) -> None:
        self._check(candidate.release)
        self.current = candidate  # the whole swap: one reference
        self.refused = self._failed = None
        logger.info("release %s serves (%s)", candidate.version, candidate.release.digest[:12])
        self._on_swap()

    def _refuse(self, version: str, error: Exception) -> None:
        self.refused = Refusal(version=version, reason=str(error), at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        logger.error("release %s refused: %s", version, error)
