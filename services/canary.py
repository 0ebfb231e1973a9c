"""The canary: a version that a person pointed at answers a share of the people, until it crosses a line.

A person is always on one side. Where the canary fails, the champion answers instead: the person sees an answer, and
the failure counts against the canary. An empty list is a failure where the champion has something to show, and an
answer that is worked on for too long is one before it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol, TypeVar

from components.core.errors import StateError
from components.experiments.assignment import BUCKETS, bucket
from components.promotion.canary import Figures, Lines, Outcome, Window, crossed
from components.search.engines.elasticsearch import EngineError
from services.figures import figures
from services.messages import CanarySide, CanaryState
from services.release_cache import Serving
from services.request_record import record
from services.search_desk import NoIndexError
from services.search_messages import SearchAnswer

logger = logging.getLogger("shoploop.canary")

CANARY, CHAMPION = "canary", "champion"  # sides
EMPTY = "an empty list, where the other had something to show"
NOT_ITS_FAULT = (StateError, EngineError)  # the store or the search server is away, for every release


class Answered(Protocol):
    """An answer; fallback says why a recommendation is not personal, or how a search is not quite what was asked."""

    items: Sequence
    fallback: str | None


A = TypeVar("A", bound=Answered)


@dataclass(frozen=True)
class Trial:
    """One canary beside one champion, and what became of the answers of both."""

    canary: Serving
    champion: Serving
    windows: dict[str, Window] = field(default_factory=lambda: {CANARY: Window(), CHAMPION: Window()})

    def is_of(self, version: str, champion: Serving) -> bool:
        """Whether it is still about these two."""
        return self.canary.version == version and self.champion.release is champion.release


@dataclass(frozen=True)
class Stopped:
    """A version that may not answer: switched off, or refused before it answered anybody.

    told  whether that stands in the registry
    """

    version: str
    reason: str
    told: bool
    refused: bool = False


class Canary:
    """Shared by all threads; `begin`, `stand_off`, `end` are called by the one that follows the registry."""

    def __init__(self, share: float, lines: Lines, clock: Callable[[], float] = time.monotonic):
        """share of the people, 0 … 1."""
        self.share = share
        self.lines = lines
        self._clock = clock
        self._lock = threading.Lock()
        self.trial: Trial | None = None
        self.stopped: Stopped | None = None

    def begin(self, canary: Serving, champion: Serving) -> None:
        """From now on a verified version takes its share."""
        with self._lock:
            self.stopped = None
            self.trial = Trial(replace(canary, on_trial=True), champion)
        figures().canary_off.set(0)
        logger.info("release %s is canary for %.4g of the users", canary.version, self.share)

    def end(self) -> None:
        """There is no canary."""
        with self._lock:
            self.trial = None
            if self.stopped is None or self.stopped.told:
                self.stopped = None
                figures().canary_off.set(0)

    def stand_off(self, version: str, reason: str, *, told: bool = True, refused: bool = False) -> None:
        """A version takes no share; until a person acts, where it was switched off."""
        with self._lock:
            self.trial, self.stopped = None, Stopped(version, reason, told, refused)
        figures().canary_off.set(0 if refused else 1)

    def answer(self, unit: Callable[[], str], champion: Serving, ask: Callable[[Serving], A]) -> A:
        """The answer of the side that a person is on; unit names the person, and is asked only if there is a canary."""
        trial = self.trial
        if trial is None:
            return ask(champion)
        if not takes(unit(), trial.canary.release.digest, self.share):
            return self._of_champion(trial, champion, ask)
        began = self._clock()
        answered, found = tried(trial.canary, champion, ask)
        if found is None:
            self._note(trial, CANARY, began, fallback=fell_back(answered))
            return answered
        self._note(trial, CANARY, began, failed=True)
        logger.warning("canary %s failed, the champion answered: %s", trial.canary.version, found)
        self.judge()
        return answered

    def judge(self) -> None:
        """Switch the canary off if it has crossed a line."""
        trial = self.trial
        if trial is None:
            return
        now = self._clock()
        sides = self._figures(trial, now)
        reason = crossed(sides[CANARY], sides[CHAMPION], self.lines)
        if reason is None:
            return
        with self._lock:
            if self.trial is not trial:
                return  # another thread was quicker
            self.trial, self.stopped = None, Stopped(trial.canary.version, reason, told=False)
        figures().canary_off.set(1)
        logger.error("canary %s switched off: %s", trial.canary.version, reason)

    def state(self) -> CanaryState | None:
        """For those who ask; None where no canary was asked for."""
        trial, stopped = self.trial, self.stopped
        if trial is not None:
            sides = self._figures(trial, self._clock())
            told = {name: CanarySide(**asdict(found)) for name, found in sides.items()}
            return CanaryState(version=trial.canary.version, state="running", share=self.share, reason=None, **told)
        if stopped is None:
            return None
        word = "refused" if stopped.refused else "switched off"
        return CanaryState(
            version=stopped.version, state=word, share=0, reason=stopped.reason, canary=None, champion=None
        )

    def _figures(self, trial: Trial, now: float) -> dict[str, Figures]:
        """Of both sides; an answer that hangs counts as failed."""
        served = {CANARY: trial.canary, CHAMPION: trial.champion}
        return {
            side: window.figures(now, self.lines.window_s, served[side].flights.overdue(self.lines.hang_s))
            for side, window in trial.windows.items()
        }

    def _of_champion(self, trial: Trial, champion: Serving, ask: Callable[[Serving], A]) -> A:
        began = self._clock()
        try:
            answered = ask(champion)
        except (*NOT_ITS_FAULT, NoIndexError):
            raise
        except Exception:
            self._note(trial, CHAMPION, began, failed=True)
            raise
        self._note(trial, CHAMPION, began, fallback=fell_back(answered))
        return answered

    def _note(
        self, trial: Trial, side: str, began: float, *, failed: bool = False, fallback: bool | None = None
    ) -> None:
        trial.windows[side].add(Outcome(began, self._clock() - began, failed, fallback))
        figures().canary.labels(side, "failed" if failed else "fallback" if fallback else "answered").inc()


def fell_back(answered: Answered) -> bool | None:
    """Whether a recommendation was not personal; None of a search, which falls back over words and not over people."""
    return None if isinstance(answered, SearchAnswer) else answered.fallback is not None


def tried(side: Serving, other: Serving, ask: Callable[[Serving], A]) -> tuple[A, str | None]:
    """The answer of one side, or the other's where it fails or has nothing to show, and how it failed.

    Raises what the other side raises: what that cannot answer either is not the first one's fault. Where neither has
    anything to show, nobody failed.
    """
    try:
        answered = ask(side)
    except NOT_ITS_FAULT:
        raise
    except Exception as e:  # whatever a release may do wrong: the person still gets an answer
        found = f"{type(e).__name__}: {str(e)[:300]}"
    else:
        return (answered, None) if answered.items else _filled(answered, other, ask)
    return ask(other), found


def _filled(empty: A, other: Serving, ask: Callable[[Serving], A]) -> tuple[A, str | None]:
    told = replace(record())
    try:
        instead = ask(other)
    except Exception:  # the empty answer is one
        instead = empty
    if instead.items:
        return instead, EMPTY
    record().tell_as(told)  # what is logged is of the answer that is given
    return empty, None


def takes(unit: str, digest: str, share: float) -> bool:
    """Whether a canary answers this person: a hash decides, so every worker and every start says the same.

    The release is the salt: not the same people try every canary. A larger share keeps those who were in a smaller one.
    """
    return bucket(unit, f"canary {digest}") < round(share * BUCKETS)
