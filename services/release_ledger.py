"""What the service tells the registry and the history: an alias moved in MLflow, a release that cannot serve."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.errors import ReleaseError, ShoploopError
from components.promotion.checks import check_gates
from components.promotion.history import MOVES, PROMOTED, TAKEN_UP, History, on_trial
from components.promotion.promotions import CANARY_TAG, SERVICE, Promotions, canary_off, off_words
from components.promotion.standing import disagreement
from components.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from components.promotion.history import Entry
    from components.tracking.registry import ModelRegistry, RegisteredVersion

logger = logging.getLogger("shoploop.release_ledger")

SERVICE_TAG = "service_refused"  # tag of a version: why a service would not serve it


class Ledger:
    """The history of the project whose registry is followed; a service without one follows the alias alone."""

    def __init__(self, registry: ModelRegistry, root: Path):
        """root: the project's folder. A history is never begun here: it would be a second one beside the shop's own."""
        self.registry = registry
        self.history = History(root)
        self._promotions = Promotions(registry, self.history)

    def champion(self) -> str | None:
        """The version the alias points to now."""
        return self.registry.aliases().get(CHAMPION)

    def approve(self, version: RegisteredVersion) -> None:
        """Write down that somebody moved the alias here in MLflow, if that is so.

        Raises a ShoploopError if the gates were not passed, the history cannot be written, or another service has
        refused the version meanwhile.
        """
        check_gates(version)
        if self.moved_by_hand(version.version):
            self._promotions.take_up(version, None)
            if self.moved_by_hand(version.version):
                raise ReleaseError(f"release {version.version}: the alias was moved back meanwhile; see its tags.")

    def refuse(self, version: RegisteredVersion, reason: str) -> Entry | None:
        """Make a refusal visible on the version; an alias that was moved in MLflow goes back to where it was.

        What a person promoted with `shoploop promote` stays promoted: that the service does not follow is said, and
        decided by nobody but a person. A registry that is away now costs the note, not the service.
        """
        try:
            self.registry.tag(version.version, SERVICE_TAG, reason)
            return self._promotions.take_up(version, reason) if self.moved_by_hand(version.version) else None
        except ShoploopError as e:
            logger.warning("release %s: its refusal could not be written down: %s", version.version, e)
            return None

    def try_out(self, version: RegisteredVersion) -> None:
        """Write down that somebody moved the alias canary here in MLflow, if that is so.

        Raises a ShoploopError if that cannot be written: nobody is answered by what nobody stands for.
        """
        if self._tried_by_hand(version.version):
            self._promotions.take_up_canary(version)
            if self._tried_by_hand(version.version):
                raise ReleaseError(f"release {version.version}: the alias canary was moved on meanwhile.")

    def withdraw(self) -> None:
        """Write down that somebody took the alias canary away in MLflow, if that is so."""
        try:
            if self._tried_by_hand(None):
                self._promotions.take_up_canary(None)
        except ReleaseError as e:
            logger.warning("that the canary was withdrawn could not be written down: %s", e)

    def _tried_by_hand(self, alias: str | None) -> bool:
        return self.history.exists and on_trial(self.history.entries()) != alias

    def switch_off(self, version: RegisteredVersion, reason: str) -> None:
        """Write down, on the version and in the history, that its share of answers was taken from it.

        Raises RegistryError if the registry is away: it is told later.
        """
        if canary_off(version) is not None:
            return
        if self.history.exists:
            try:
                self._promotions.switch_off_canary(version, reason)
                return
            except ReleaseError as e:
                logger.warning("release %s: the history could not take that its canary is off: %s", version.version, e)
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.registry.tag(version.version, CANARY_TAG, off_words(at, reason))

    def promoted(self, version: str) -> bool:
        """Whether the newest move of the champion was somebody's decision for this version, and not a way back."""
        try:
            moves = [entry for entry in self.history.entries() if entry.action in MOVES]
        except ReleaseError:  # no history that can be read says so
            return False
        return bool(moves) and moves[-1].champion == version and moves[-1].action in (PROMOTED, TAKEN_UP)

    def roll_back(self, version: str, before: str, reason: str) -> None:
        """Make the champion's predecessor the champion again, in the service's name.

        Raises RegistryError if the registry is away; ReleaseError if the version is no longer the champion that
        somebody promoted, its predecessor is another, or the history cannot be written.
        """
        if not self.promoted(version):
            raise ReleaseError(f"release {version}: it is not the newest promotion any more; nothing was changed.")
        self._promotions.rollback(SERVICE, reason, expected=version, to=before)

    def doubt(self, alias: str | None, served: str | None) -> str | None:
        """In words, where registry, history and this service disagree; None where they agree."""
        recorded = self.history.champion() if self.history.exists else alias
        return disagreement(alias, recorded, served)

    def moved_by_hand(self, alias: str) -> bool:
        """Whether the alias is at another version than the history's champion."""
        return self.history.exists and self.history.champion() != alias
