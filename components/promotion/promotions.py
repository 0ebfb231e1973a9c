"""Promote, roll back, and take up what somebody did in MLflow's own pages: one at a time, written down, or not at all.

The order within one move: hold the history's write lock, compare the champion with the expected one, write the entry
onto the version as a tag, move the alias, commit, note the entry's hash in the registry. Whoever is killed in between
leaves the alias moved and the tag beside it, and the next who looks completes exactly that entry.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from components.core.addresses import masked
from components.core.errors import RegistryError, ReleaseError
from components.promotion.checks import Check, check_files, check_gates, check_judged, gates_digest
from components.promotion.history import (
    CANARY_OFF,
    MOVES,
    NOTHING_BEFORE,
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    TAKEN_UP,
    WITHDRAWN,
    Entry,
    History,
    Writer,
    noted,
    on_trial,
    one_line,
    reigns,
)
from components.tracking.registry import (
    ALIASES,
    CANARY,
    CHAMPION,
    DIGEST_TAG,
    SHADOW,
    ModelRegistry,
    RegisteredVersion,
    Standing,
)

ANCHOR_NOTE = "history"  # tag of the registered model: number and hash of the newest entry
ENTRY_TAG = "promotion"  # tag of a version: the newest entry that moved an alias to it
REFUSED_TAG = "promotion_refused"  # tag of a version: why its approval in MLflow was refused
APPROVED_BY, APPROVED_WHY = "approved_by", "approval_reason"  # tags a person may set before moving the alias by hand
BY_HAND = "unnamed, in MLflow"  # MLflow keeps no record of who moved an alias
WHY_BY_HAND = f"the alias was moved in MLflow (no tag {APPROVED_WHY})"
AWAY_BY_HAND = "the alias was taken away in MLflow"
CANARY_TAG = "canary"  # tag of a version: "off …" since a service switched it off, "on …" since a person said so
OFF, ON = "off", "on"
SERVICE = "service"  # who decided, where no person did
UNFINISHED_FOR = timedelta(minutes=10)  # a move that was killed is looked at within seconds where a service runs
AS_IT_IS = object()
Clock = Callable[[], datetime]


class Promotions:
    """All moves of one registry's aliases that are written to one history."""

    def __init__(self, registry: ModelRegistry, history: History, now: Clock = lambda: datetime.now(UTC)):
        """now gives the time of an entry."""
        self.registry = registry
        self.history = history
        self._now = now

    @classmethod
    def of(cls, root: Path) -> Promotions:
        """Those of a project's folder."""
        return cls(ModelRegistry(root=root), History(root))

    def promote(
        self, version: str, by: str, reason: str, check: Check | None = None, expected: str | object | None = AS_IT_IS
    ) -> Entry:
        """Make a version the champion.

        check     what more to ask of its folder than its checksums
        expected  the champion one takes it to replace (None: no champion); as it is now unless given
        Raises    ReleaseError, and moves nothing, if the version is champion already, its gates were not passed or held
                  it against another champion and nobody named the one it replaces, its files are not those that were
                  registered, the reason is blank, or the champion is not the expected one
        """
        _check_told(by, reason)
        named = expected is not AS_IT_IS
        if not named:
            expected = self._settled(check)
        elif self.history.champion() != expected:  # the cheap look first; the one that counts comes under the lock
            raise _not_expected(expected, self.history.last())
        candidate = self.registry.version(version)
        if candidate.version == expected:
            raise ReleaseError(f"release {candidate.version}: is champion already; nothing was changed.")
        check_gates(candidate)
        note = self._judged(candidate, expected, named=named)
        check_files(self.registry, candidate, check)
        return self._move(candidate, PROMOTED, by, noted(reason, note), expected)

    def rollback(
        self, by: str, reason: str, check: Check | None = None,
        expected: str | object | None = AS_IT_IS, to: str | None = None,
    ) -> Entry:  # fmt: skip
        """Make the champion's predecessor the champion again; ReleaseError if there is none, and as in `promote`.

        expected, to  the champion and the predecessor one takes it to be about; as it is now unless given
        """
        _check_told(by, reason)
        current = self._settled(check)
        earlier = [version for version in reigns(self.history.entries()) if version != current]
        if current is None or not earlier:
            raise ReleaseError(
                "rollback: no earlier champion is known; name a version with `shoploop promote VERSION`."
            )
        if expected not in (AS_IT_IS, current):
            raise _not_expected(expected, self.history.last())
        if to not in (None, earlier[-1]):
            raise ReleaseError(
                f"rollback: the champion before is version {earlier[-1]}, not {to}; nothing was changed."
            )
        target = self.registry.version(earlier[-1])
        check_files(self.registry, target, check)  # its gates let it reign before; going back must not wait for them
        return self._move(target, ROLLED_BACK, by, reason, current)

    def point(self, alias: str, version: str, by: str, reason: str) -> Entry:
        """Point another alias than champion at a version; a shadow, which nobody is shown, needs no passed gates."""
        _check_told(by, reason)
        if alias not in ALIASES or alias == CHAMPION:
            raise ReleaseError(f"alias '{alias}': choose one of {', '.join(a for a in ALIASES if a != CHAMPION)}.")
        candidate = self.registry.version(version)
        if alias != SHADOW:
            check_gates(candidate)
        check_files(self.registry, candidate)
        with self._writing() as writer:
            self._compared(writer)
            entry = self._write(writer, candidate, alias, by, reason, _champion(writer.last), alias)
            if alias == CANARY and canary_off(candidate) is not None:
                self.registry.tag(candidate.version, CANARY_TAG, f"{ON} since {entry.at}: {entry.by}: {entry.reason}")
            return entry

    def switch_off_canary(self, found: RegisteredVersion, reason: str) -> Entry | None:
        """Write down that a service no longer lets a version answer, until a person points the canary at it again.

        Returns  the entry; None if another service was quicker
        """
        with self._writing() as writer:
            if canary_off(self.registry.version(found.version)) is not None:
                return None
            self._check_known(writer, self.registry.standing())
            champion = _champion(writer.last)
            entry = writer.add(self._entry(writer.last, found, CANARY_OFF, SERVICE, reason, champion))
            self.registry.tag(found.version, CANARY_TAG, off_words(entry.at, entry.reason))
            return entry

    def take_up(self, found: RegisteredVersion, problem: str | None) -> Entry | None:
        """Write down an alias that was moved in MLflow: as an approval, or, with a problem, as a refusal.

        A refused alias goes back to where it was, and the reason stands as a tag on the version.
        Returns  the entry; None if the alias is not, or no longer, away from what the history says
        Raises   ReleaseError, without a problem, if the version's gates held it against another champion
        """
        with self._writing() as writer:
            standing, last = self.registry.standing(), writer.last
            champion = _champion(last)
            if standing.aliases.get(CHAMPION) != found.version or champion == found.version:
                return None
            cut_short = _unfinished(found, last, self._now())
            if cut_short is not None and problem is None:
                return writer.add(cut_short)
            self._check_known(writer, standing)
            if problem is None:
                note = self._judged(found, champion)
                return self._approved(writer, found, TAKEN_UP, found.version, note)
            return self._refuse(writer, found, problem, champion)

    def take_up_canary(self, found: RegisteredVersion | None) -> Entry | None:
        """Write down that somebody moved the alias canary in MLflow: onto a version, or, with None, away.

        Returns  the entry; None if the alias is elsewhere, or the history says the same
        Raises   ReleaseError if the gates of the version were not passed
        """
        if found is not None:
            check_gates(found)
        with self._writing() as writer:
            standing, tried = self.registry.standing(), on_trial(self.history.entries())
            asked = found.version if found else None
            if standing.aliases.get(CANARY) != asked or tried == asked:
                return None
            self._check_known(writer, standing)
            champion = _champion(writer.last)
            if found is not None:
                return self._approved(writer, found, CANARY, champion)
            left = self.registry.version(tried)
            return writer.add(self._entry(writer.last, left, WITHDRAWN, BY_HAND, AWAY_BY_HAND, champion))

    def look(self, check: Check | None = None) -> Entry | None:
        """Take up an alias that was moved in MLflow, after the same checks as `promote`; None if none was."""
        alias, champion = self.registry.aliases().get(CHAMPION), self.history.champion()
        if alias is None or alias == champion:
            return None
        found = self.registry.version(alias)
        try:
            check_gates(found)
            self._judged(found, champion)
            check_files(self.registry, found, check)
        except ReleaseError as e:
            return self.take_up(found, str(e))
        return self.take_up(found, None)

    def _judged(self, found: RegisteredVersion, champion: str | None, *, named: bool = False) -> str | None:
        """What is to be said of a version that replaces this champion; ReleaseError if it may not."""
        former = {entry.version for entry in self.history.entries() if entry.action in MOVES}
        return check_judged(found, self._as_registered(champion), former, named=named)

    def _as_registered(self, champion: str | None) -> RegisteredVersion | None:
        """The champion with its tags; without any, if somebody has deleted it from the registry."""
        if champion is None:
            return None
        try:
            return self.registry.version(champion)
        except RegistryError:
            raise
        except ReleaseError:
            return RegisteredVersion(champion, "", {}, "")

    def _settled(self, check: Check | None) -> str | None:
        """The champion, once whatever was done by hand is written down; ReleaseError if that had to be refused."""
        taken = self.look(check)
        if taken is not None and taken.action == REFUSED:
            raise ReleaseError(
                f"release {taken.version}: the alias had been moved to it in MLflow and was moved back to "
                f"{taken.champion or 'nothing'}: {taken.reason} Nothing else was changed; look and decide again."
            )
        return self.history.champion()

    def _move(self, to: RegisteredVersion, action: str, by: str, reason: str, expected: object) -> Entry:
        with self._writing() as writer:
            last = writer.last
            if _champion(last) != expected:
                raise _not_expected(expected, last)
            self._compared(writer)
            self._forget_approval(to)  # one that stands there later was given later
            return self._write(writer, to, action, by, reason, to.version, CHAMPION)

    def _compared(self, writer: Writer) -> None:
        """Raise ReleaseError unless registry and history agree, so that nobody builds on what is in doubt."""
        standing, last = self.registry.standing(), writer.last
        self._check_known(writer, standing)
        alias, champion = standing.aliases.get(CHAMPION), _champion(last)
        if alias not in (champion, None):  # an alias that was removed is put back by the move
            raise ReleaseError(
                f"promotion: the alias champion was just moved to {alias} in MLflow, the history says {champion}; "
                "nothing was changed, look and decide again."
            )

    def _check_known(self, writer: Writer, standing: Standing) -> None:
        if not writer.knows(standing.notes.get(ANCHOR_NOTE)):
            raise ReleaseError(
                f"{self.history.path}: it is not the history that the registry at {masked(self.registry.uri)} "
                "remembers. Nothing was changed; promote where that history lies, or restore the file."
            )

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        """The one who may write now; what was written is told to the registry afterwards."""
        with self.history.writing() as writer:
            yield writer
        self._tell_registry()

    def _tell_registry(self) -> None:
        """Let the registry remember the newest entry; one that is away now is told with the next move."""
        last = self.history.last()
        if last is not None:
            with suppress(RegistryError):
                self.registry.note(ANCHOR_NOTE, last.anchor)

    def _approved(
        self, writer: Writer, found: RegisteredVersion, action: str, champion: str | None, note: str | None = None
    ) -> Entry:
        """Somebody's approval in MLflow; the name and the reason given beforehand are for this one move."""
        by = one_line(found.tags.get(APPROVED_BY, "")) or BY_HAND
        reason = one_line(found.tags.get(APPROVED_WHY, "")) or WHY_BY_HAND
        entry = self._write(writer, found, action, by, noted(reason, note), champion, None)
        self._forget_approval(found)
        return entry

    def _forget_approval(self, found: RegisteredVersion) -> None:
        for key in (APPROVED_BY, APPROVED_WHY):
            if key in found.tags:
                self.registry.untag(found.version, key)

    def _write(
        self, writer: Writer, to: RegisteredVersion, action: str, by: str, reason: str,
        champion: str | None, alias: str | None,
    ) -> Entry:  # fmt: skip
        entry = writer.add(self._entry(writer.last, to, action, by, reason, champion))
        self.registry.tag(to.version, ENTRY_TAG, json.dumps(asdict(entry)))
        if alias is not None:
            self._point(alias, to)
        if champion == to.version:
            self._end_trial(to)
        return entry

    def _point(self, alias: str, to: RegisteredVersion) -> None:
        """Move an alias; where it did not move, the version no longer carries the entry, which never came to be."""
        try:
            self.registry.set_alias(alias, to.version)
        except RegistryError:
            with suppress(RegistryError):
                if self.registry.aliases().get(alias) != to.version:
                    self.registry.untag(to.version, ENTRY_TAG)
            raise

    def _end_trial(self, champion: RegisteredVersion) -> None:
        """A champion is no canary, nor shall it be one by itself again when it is rolled back."""
        with suppress(RegistryError):
            if self.registry.aliases().get(CANARY) == champion.version:
                self.registry.clear_alias(CANARY)

    def _refuse(self, writer: Writer, found: RegisteredVersion, problem: str, champion: str | None) -> Entry:
        by = one_line(found.tags.get(APPROVED_BY, "")) or BY_HAND
        entry = writer.add(self._entry(writer.last, found, REFUSED, by, problem, champion))
        self.registry.tag(found.version, REFUSED_TAG, f"{entry.at}: {problem}")
        self._forget_approval(found)
        if champion is None:
            self.registry.clear_alias(CHAMPION)
        else:
            self.registry.set_alias(CHAMPION, champion)
        return entry

    def _entry(
        self, last: Entry | None, to: RegisteredVersion, action: str, by: str, reason: str, champion: str | None
    ) -> Entry:
        at = f"{self._now():%Y-%m-%dT%H:%M:%S.%fZ}"
        digest = to.tags.get(DIGEST_TAG, "")
        return Entry(
            0,
            at,
            action,
            one_line(by),
            one_line(reason),
            to.version,
            _champion(last),
            champion,
            digest,
            gates_digest(to),
        )


def canary_off(version: RegisteredVersion) -> str | None:
    """Why a version may not be a canary: what the service said that switched it off; None where it may."""
    told = version.tags.get(CANARY_TAG, "")
    return told.partition(": ")[2] or told if told.startswith(OFF) else None


def off_words(at: str, reason: str) -> str:
    """The tag of a canary that was switched off."""
    return f"{OFF} since {at}: {reason}"


def _champion(last: Entry | None) -> str | None:
    return last.champion if last else None


def _unfinished(found: RegisteredVersion, last: Entry | None, now: datetime) -> Entry | None:
    """The entry that stands on the version and would be the next of this history; None where it is not to be completed:
    somebody gave their own name before the alias was moved, or it is so old that whoever wrote it did not move it.
    """
    try:
        entry = Entry(**json.loads(found.tags[ENTRY_TAG]))
        old = now - datetime.fromisoformat(entry.at) > UNFINISHED_FOR
    except (KeyError, TypeError, ValueError):
        return None
    if old or one_line(found.tags.get(APPROVED_BY, "")):
        return None
    follows = entry.previous_hash == (last.hash if last else NOTHING_BEFORE) and entry.champion == found.version
    return entry if follows and entry.sealed().hash == entry.hash else None


def _not_expected(expected: object, last: Entry | None) -> ReleaseError:
    if last is None or last.champion is None:
        now = "there is no champion yet"
    else:
        now = str(last) if last.action in MOVES else f"champion is version {last.champion}"
    return ReleaseError(
        f"promotion: it was to replace {f'version {expected}' if expected else 'no champion'}, but {now}; "
        "nothing was changed, look and decide again."
    )


def _check_told(by: str, reason: str) -> None:
    for what, said in (("reason", reason), ("name of who decides", by)):
        if not one_line(said):
            raise ReleaseError(f"registry: the {what} is blank; the history keeps it, so say it in a few words.")
