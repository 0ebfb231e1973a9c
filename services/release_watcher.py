"""Follow the champion: notice a moved alias, verify the release beside the traffic, swap by one assignment.

What does not verify is refused with a reason and the last good release goes on serving. The release before stays in
memory, so that going back to it takes no longer than noticing the alias. Where registry, history and this service
disagree, the watcher says so and chooses nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.errors import RegistryError, ShoploopError
from components.promotion.checks import check_gates
from components.release import pace
from components.release.load import load
from components.release.release import Release
from components.search.engines.elasticsearch import EngineError
from components.tracking.registry import DIGEST_TAG
from services.figures import figures
from services.messages import Refusal
from services.process import settle
from services.release_cache import Prepared, ReleaseCache, Serving, serving
from services.release_ledger import Ledger
from services.settings import Settings

if TYPE_CHECKING:
    from components.tracking.registry import ModelRegistry, RegisteredVersion

logger = logging.getLogger("shoploop.release_watcher")

RETRY_S = 30.0  # a refused version is tried again: its files may have been restored
READY_WITHIN_S = 60.0  # who finds a version being made ready waits so long for it rather than loading it too
CACHE = "releases"
FOLDER, CACHED = "folder", "cached"  # names of releases without a version, in a refusal


@dataclass(frozen=True)
class UnderWay:
    """A version that is being made ready."""

    version: str
    done: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Attempt:
    version: str
    at: float


class ReleaseWatcher:
    """`current` is what answers; a request takes it once and is served by that one release to its end.

    refused  the last release that was refused, until another one serves; `pending` says whether it is still asked for
    doubt    in words, where registry, history and this service disagree; None where they agree
    prepared  the canary or else the challenger, where services/alongside.py made it ready; under_way while it does
    """

    def __init__(self, settings: Settings, check: Callable[[Release], None], on_swap: Callable[[], None]):
        """check raises a ShoploopError if a sound release cannot serve here; on_swap is called after every change."""
        self.settings = settings
        self._check = check
        self.current: Serving | None = None
        self.refused: Refusal | None = None
        self.registry_error: str | None = None
        self.doubt: str | None = None
        self.prepared: Prepared | None = None
        self.under_way: UnderWay | None = None
        self._standby: Serving | None = None
        self._cache = ReleaseCache(Path(settings.state) / CACHE)
        self._on_swap = on_swap
        self._failed: _Attempt | None = None
        self._unnoted: Serving | None = None  # serves, and the next start does not know it yet
        self._stop = threading.Event()
        self._ledger: Ledger | None = None
        work = self._watch if settings.release is None else self._retry_folder
        self._thread = threading.Thread(target=work, name="release-watcher", daemon=True)

    def start(self) -> None:
        """Serve the configured folder, or the release served last while the champion is looked up.

        What cannot be served is refused with its reason, and the service is not ready: BentoML would start a worker
        that raises here again and again. A folder is tried again until it serves; then there is nothing to follow.
        """
        if self.settings.release is None:
            self._start_with(CACHED, self._cache.last_served)
        else:
            self._start_with(FOLDER, self._folder)
        if self.settings.release is None or self.current is None:
            self._thread.start()

    @property
    def ledger(self) -> Ledger | None:
        """The registry and the history that are followed, once they were reached."""
        return self._ledger

    @property
    def standby(self) -> Serving | None:
        """What served before, verified and still in memory."""
        return self._standby

    @property
    def pending(self) -> bool:
        """Whether the release that was refused is still the one that should serve."""
        return self.refused is not None and (self._failed is not None or self.current is None)

    def _start_with(self, name: str, find: Callable[[], Serving | None]) -> None:
        try:
            found = find()
            if found is not None:
                self._swap(found)
        except (ShoploopError, OSError) as e:
            self._refuse(name, e)

    def _folder(self) -> Serving:
        return serving(load(self.settings.release), None)

    def _retry_folder(self) -> None:
        """What was missing may come: a folder that is mounted late, a key."""
        while self.current is None and not self._stop.wait(RETRY_S):
            try:
                self._start_with(FOLDER, self._folder)
            except Exception as e:  # this thread must live, and the reason is shown
                self._refuse(FOLDER, e)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _watch(self) -> None:
        settled = False
        while not self._stop.is_set():
            try:
                self._look()
                self.registry_error = None
                if not settled:  # MLflow's packages came with the first look
                    settle()
                    settled = True
            except RegistryError as e:
                self.registry_error = str(e)
            except Exception as e:  # this thread must live; serving goes on and the reason is shown
                self.registry_error = f"{type(e).__name__}: {str(e)[:300]}"
            figures().registry_away.set(self.registry_error is not None)
            self._stop.wait(self.settings.poll_s)

    def _look(self) -> None:
        """One look at the alias, and the swap if it points elsewhere."""
        self._note()
        ledger = self._connected()
        champion = ledger.champion()
        if champion is not None and not self._is_settled(champion):
            self._follow(ledger, champion)
            champion = ledger.champion()  # a refused one may have been moved back
        elif champion is not None and ledger.moved_by_hand(champion) and self._failed is None:
            ledger.approve(ledger.registry.version(champion))  # to what serves already
        self._tell(ledger.doubt(champion, self.current.version if self.current else None))

    def _follow(self, ledger: Ledger, champion: str) -> None:
        """Serve the version the alias points to, or refuse it with a reason that stands on the version too."""
        version = ledger.registry.version(champion)
        try:
            candidate = self._candidate(ledger.registry, version)
            ledger.approve(version)
            self._swap(candidate)
        except RegistryError:  # says nothing about the release
            raise
        except (ShoploopError, OSError) as e:
            self._failed = _Attempt(champion, time.monotonic())
            self._refuse(champion, e)
            if not isinstance(e, EngineError):  # a search server that is away says nothing about it either
                ledger.refuse(version, str(e))
        else:
            self._unnoted = candidate
            if trouble := self._note():
                logger.warning("release %s serves, but the next start would not know it yet: %s", champion, trouble)

    def _note(self) -> str | None:
        """Remember what serves for the next start; why that failed, in words: it is tried again with every look, for a
        full disk says nothing about a release that serves.
        """
        if self._unnoted is None:
            return None
        try:
            self._cache.note_served(self._unnoted)
        except (ShoploopError, OSError) as e:
            return str(e)
        self._unnoted = None
        return None

    def _candidate(self, registry: ModelRegistry, version: RegisteredVersion) -> Serving:
        """The version, ready to serve: its gates, its files, what it needs here, and its pace were checked."""
        check_gates(version)
        under_way = self.under_way
        if under_way is not None and under_way.version == version.version:
            under_way.done.wait(READY_WITHIN_S)
        release = self.held(version)
        candidate = self._cache.get(registry, version) if release is None else serving(release, version.version)
        self._check(candidate.release)
        if self.current is not None and not self._is_judged(candidate.release, self.current.release):
            pace.check(candidate.release, self.current.release, self.settings.max_slowdown)
        return candidate

    def held(self, version: RegisteredVersion) -> Release | None:
        """The version's release where it was verified and is still in memory: it served before, or was made ready."""
        prepared, digest = self.prepared, version.tags.get(DIGEST_TAG)
        kept = [self._standby, prepared.candidate if prepared else None]
        return next((one.release for one in kept if one is not None and one.release.digest == digest), None)

    def _is_judged(self, release: Release, champion: Release) -> bool:
        """Whether its pace is known: it served before, or was held against this champion when it was made ready."""
        kept, prepared = self._standby, self.prepared
        if kept is not None and kept.release is release:
            return True
        return prepared is not None and prepared.candidate.release is release and prepared.champion.release is champion

    def _tell(self, doubt: str | None) -> None:
        if doubt is not None and doubt != self.doubt:
            logger.warning("%s", doubt)
        self.doubt = doubt
        figures().followed(refused=self.pending, in_doubt=doubt is not None)

    def _is_settled(self, champion: str) -> bool:
        if self.current is not None and self.current.version == champion:
            self._failed = None  # an alias moved back asks no more for what was refused
            return True
        failed = self._failed
        return failed is not None and failed.version == champion and time.monotonic() - failed.at < RETRY_S

    def _connected(self) -> Ledger:
        if self._ledger is None:
            from components.tracking.registry import ModelRegistry

            self._ledger = Ledger(ModelRegistry(root=self.settings.root), self.settings.root)
        return self._ledger

    def _swap(self, candidate: Serving) -> None:
        self._check(candidate.release)
        self._standby, self.current = self.current, candidate  # the swap: a request reads one reference
        self.refused = self._failed = None
        origin = candidate.release.facts["provenance"].get("data_digest", "unknown")
        logger.info("release %s serves (%s, data %s)", candidate.version, candidate.release.digest, origin)
        self._on_swap()

    def _refuse(self, version: str, error: Exception) -> None:
        self.refused = Refusal(version=version, reason=str(error), at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        logger.error("release %s refused: %s", version, error)
