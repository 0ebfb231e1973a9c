"""What runs beside the champion: follow the aliases challenger, canary and shadow, in a thread of its own.

The challenger is made ready before anybody promotes it, so that a promotion takes no longer than noticing it.

Loading another release never delays a change of champion, and what is wrong here never touches what serves.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.errors import RegistryError, ReleaseError, ShoploopError
from components.promotion.checks import check_gates
from components.promotion.promotions import canary_off
from components.release import pace
from components.release.release import Release
from components.tracking.registry import CANARY, CHALLENGER, SHADOW
from services.canary import Canary
from services.probation import Probation
from services.release_cache import Prepared, ReleaseCache, Serving, serving
from services.release_ledger import Ledger
from services.release_watcher import CACHE, RETRY_S, ReleaseWatcher, UnderWay
from services.settings import Settings
from services.shadow import Shadow

if TYPE_CHECKING:
    from components.tracking.registry import RegisteredVersion

logger = logging.getLogger("shoploop.alongside")

AHEAD = "next champion"  # what the challenger may become


class Alongside:
    """Begins and ends canary and shadow as the registry's aliases say, and has the challenger ready."""

    def __init__(
        self,
        settings: Settings,
        watcher: ReleaseWatcher,
        check: Callable[[Release], None],
        canary: Canary,
        shadow: Shadow,
        probation: Probation | None = None,
    ):
        """watcher knows what serves, and the registry; check raises a ShoploopError if a release cannot serve here."""
        self.settings = settings
        self.canary = canary
        self.shadow = shadow
        self.probation = probation
        self._watcher = watcher
        self._check = check
        self._cache = ReleaseCache(Path(settings.state) / CACHE)
        self._refused_at = {CANARY: 0.0, SHADOW: 0.0, AHEAD: 0.0}
        self._unfit: str | None = None  # the challenger that could not be made ready
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="alongside", daemon=True)

    def start(self) -> None:
        """Follow, if there is anything to follow: a folder that is served knows no aliases."""
        asked_for = self.canary.share > 0 or self.shadow.share > 0
        if self.settings.release is None and (asked_for or self.settings.prepare or self.probation is not None):
            self._thread.start()

    def stop(self) -> None:
        """End the thread, and the shadow's."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self.shadow.stop()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.canary.judge()
                if self.probation is not None:
                    self.probation.judge()
                self._look()
            except RegistryError as e:
                logger.debug("the registry is away: %s", e)  # the watcher of the champion says so in /health
            except Exception as e:  # this thread must live
                logger.warning("alongside: %s: %s", type(e).__name__, str(e)[:300])
            self._stop.wait(self.settings.poll_s)

    def _look(self) -> None:
        """One look at the aliases, once there is a champion to be beside."""
        champion, ledger = self._watcher.current, self._watcher.ledger
        if champion is None or ledger is None:
            return
        self._tell(ledger)
        if self.probation is not None:
            self._roll_back(ledger, self.probation)
        aliases = ledger.registry.aliases()
        if self.canary.share > 0:
            self._look_at_canary(ledger, aliases.get(CANARY), champion)
        if self.shadow.share > 0:
            self._look_at_shadow(ledger, aliases.get(SHADOW), champion)
        if self.settings.prepare:
            self._look_ahead(ledger, aliases.get(CHALLENGER), champion)

    def _look_ahead(self, ledger: Ledger, name: str | None, champion: Serving) -> None:
        """Keep the next champion ready, in memory: the canary, or else the challenger.

        What cannot serve is loaded again when somebody promotes it.
        """
        prepared, trial = self._watcher.prepared, self.canary.trial
        name = name if trial is None else trial.canary.version
        if name is None or name == champion.version:
            self._watcher.prepared = None
        elif prepared is not None and prepared.is_of(name, champion):
            pass
        elif trial is not None and trial.is_of(name, champion):
            self._watcher.prepared = Prepared(trial.canary, champion)
        elif self._unfit != name or not self._waits(AHEAD):
            self._prepare(ledger, ledger.registry.version(name), champion)

    def _prepare(self, ledger: Ledger, version: RegisteredVersion, champion: Serving) -> None:
        self._watcher.under_way = under_way = UnderWay(version.version)
        release = self._watcher.held(version)
        self._watcher.prepared = None  # one at a time in memory
        try:
            check_gates(version)
            held = serving(release, version.version) if release is not None else None
            candidate = held or self._verified(ledger, version)
            pace.check(candidate.release, champion.release, self.settings.max_slowdown)
            self._watcher.prepared = Prepared(candidate, champion)
            logger.info("challenger %s is ready", version.version)
        except RegistryError:
            raise
        except (ShoploopError, OSError) as e:
            self._unfit = version.version
            self._refused(AHEAD, version, e)
        finally:
            self._watcher.under_way = None
            under_way.done.set()

    def _look_at_canary(self, ledger: Ledger, name: str | None, champion: Serving) -> None:
        if name is None or name == champion.version:
            self.canary.end()
            if name is None:
                ledger.withdraw()
            return
        version = ledger.registry.version(name)
        reason = canary_off(version)
        if reason is not None:
            self.canary.stand_off(name, reason)
        elif not self._is_settled(name, champion):
            self._begin_canary(ledger, version, champion)

    def _tell(self, ledger: Ledger) -> None:
        """Write down what was switched off here; tried again until the registry has it."""
        stopped = self.canary.stopped
        if stopped is not None and not stopped.told:
            try:
                ledger.switch_off(ledger.registry.version(stopped.version), stopped.reason)
            except ReleaseError as e:  # the version was deleted meanwhile
                logger.warning("canary %s: that it is off could not be written down: %s", stopped.version, e)
            self.canary.stand_off(stopped.version, stopped.reason)

    def _roll_back(self, ledger: Ledger, probation: Probation) -> None:
        """Let a champion that failed go back, once; tried again only while the registry is away."""
        failed = probation.failed
        if failed is None or failed.told:
            return
        try:
            ledger.roll_back(failed.version, failed.before, f"in its first minutes: {failed.reason}")
        except RegistryError:
            raise
        except ReleaseError as e:
            logger.warning("champion %s stays: %s", failed.version, e)
            probation.told(str(e))
        else:
            probation.told(None)

    def _is_settled(self, name: str, champion: Serving) -> bool:
        trial, stopped = self.canary.trial, self.canary.stopped
        if trial is not None and trial.is_of(name, champion):
            return True
        if stopped is None or stopped.version != name:
            return False
        return not stopped.told or (stopped.refused and self._waits(CANARY))

    def _begin_canary(self, ledger: Ledger, version: RegisteredVersion, champion: Serving) -> None:
        """Let a version take its share once it has shown what a champion must show."""
        try:
            check_gates(version)
            candidate = self._verified(ledger, version)
            pace.check(candidate.release, champion.release, self.settings.max_slowdown)
            ledger.try_out(version)
        except RegistryError:  # says nothing about the release
            raise
        except (ShoploopError, OSError) as e:
            self.canary.stand_off(version.version, self._refused(CANARY, version, e), refused=True)
        else:
            self.canary.begin(candidate, champion)

    def _look_at_shadow(self, ledger: Ledger, name: str | None, champion: Serving) -> None:
        run, refused = self.shadow.run, self.shadow.refused
        if name is None or name == champion.version:
            self.shadow.end()
        elif run is not None and run.is_of(name, champion):
            pass
        elif refused is None or refused[0] != name or not self._waits(SHADOW):
            self._begin_shadow(ledger, ledger.registry.version(name), champion)

    def _begin_shadow(self, ledger: Ledger, version: RegisteredVersion, champion: Serving) -> None:
        """Ask a version too, whatever its gates say: nobody is shown what it answers."""
        try:
            candidate = self._verified(ledger, version)
            _check_comparable(candidate.release, champion.release)
        except RegistryError:
            raise
        except (ShoploopError, OSError) as e:
            self.shadow.refuse(version.version, self._refused(SHADOW, version, e))
        else:
            self.shadow.begin(candidate, champion)

    def _verified(self, ledger: Ledger, version: RegisteredVersion) -> Serving:
        candidate = self._cache.get(ledger.registry, version)
        self._check(candidate.release)
        return candidate

    def _waits(self, alias: str) -> bool:
        """Whether it is too early to try again what was refused."""
        return time.monotonic() - self._refused_at[alias] < RETRY_S

    def _refused(self, alias: str, version: RegisteredVersion, error: Exception) -> str:
        self._refused_at[alias] = time.monotonic()
        logger.error("%s %s refused: %s", alias, version.version, error)
        return str(error)


def _check_comparable(shadow: Release, champion: Release) -> None:
    """Raise ReleaseError if the two call the same person by different names."""
    if shadow.pseudonym_key != champion.pseudonym_key:
        raise ReleaseError(
            "release: its user ids are pseudonyms of another key than the champion's, so the same questions cannot be "
            "asked of both; make it with the same key."
        )
