"""What runs beside the champion: follow the alias challenger, in a thread of its own.

Loading another release never delays a change of champion, and what is wrong here never touches what serves.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.errors import RegistryError, ShoploopError
from components.promotion.checks import check_gates
from components.promotion.promotions import canary_off
from components.release import pace
from components.release.release import Release
from components.tracking.registry import CHALLENGER
from services.canary import Canary
from services.release_cache import ReleaseCache, Serving
from services.release_ledger import Ledger
from services.release_watcher import CACHE, RETRY_S
from services.settings import Settings

if TYPE_CHECKING:
    from components.tracking.registry import RegisteredVersion

logger = logging.getLogger("shoploop.alongside")


class Alongside:
    """Begins and ends canaries as the registry's alias says."""

    def __init__(
        self,
        settings: Settings,
        champion: Callable[[], Serving | None],
        check: Callable[[Release], None],
        canary: Canary,
    ):
        """champion gives what serves now; check raises a ShoploopError if a sound release cannot serve here."""
        self.settings = settings
        self.canary = canary
        self._champion = champion
        self._check = check
        self._cache = ReleaseCache(Path(settings.state) / CACHE)
        self._ledger: Ledger | None = None
        self._refused_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="alongside", daemon=True)

    def start(self) -> None:
        """Follow, if there is anything to follow: a folder that is served knows no aliases."""
        if self.settings.release is None and self.settings.canary_share > 0:
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.canary.judge()
                self._look()
            except RegistryError as e:
                logger.info("the registry is away: %s", e)  # the watcher of the champion says so in /health
            except Exception as e:  # this thread must live
                logger.warning("alongside: %s: %s", type(e).__name__, str(e)[:300])
            self._stop.wait(self.settings.poll_s)

    def _look(self) -> None:
        """One look at the alias."""
        champion = self._champion()
        if champion is None:
            return
        ledger = self._connected()
        self._tell(ledger)
        name = ledger.registry.aliases().get(CHALLENGER)
        if name is None or name == champion.version:
            self.canary.end()
            return
        version = ledger.registry.version(name)
        reason = canary_off(version)
        if reason is not None:
            self.canary.stand_off(name, reason)
        elif not self._is_settled(name, champion):
            self._begin(ledger, version, champion)

    def _tell(self, ledger: Ledger) -> None:
        """Write down what was switched off here; tried again until the registry has it."""
        stopped = self.canary.stopped
        if stopped is not None and not stopped.told:
            ledger.switch_off(ledger.registry.version(stopped.version), stopped.reason)
            self.canary.stand_off(stopped.version, stopped.reason)

    def _is_settled(self, name: str, champion: Serving) -> bool:
        trial, stopped = self.canary.trial, self.canary.stopped
        if trial is not None and trial.is_of(name, champion):
            return True
        if stopped is None or stopped.version != name:
            return False
        return not stopped.told or (stopped.refused and time.monotonic() - self._refused_at < RETRY_S)

    def _begin(self, ledger: Ledger, version: RegisteredVersion, champion: Serving) -> None:
        """Let a version take its share once it has shown what a champion must show."""
        try:
            check_gates(version)
            candidate = self._cache.get(ledger.registry, version)
            self._check(candidate.release)
            pace.check(candidate.release, champion.release, self.settings.max_slowdown)
        except RegistryError:  # says nothing about the release
            raise
        except (ShoploopError, OSError) as e:
            self._refused_at = time.monotonic()
            self.canary.stand_off(version.version, str(e), refused=True)
            logger.error("canary %s refused: %s", version.version, e)  # noqa: TRY400 - its words say it all
        else:
            self.canary.begin(candidate, champion)

    def _connected(self) -> Ledger:
        if self._ledger is None:
            from components.tracking.registry import ModelRegistry

            self._ledger = Ledger(ModelRegistry(root=self.settings.root), self.settings.root)
        return self._ledger
