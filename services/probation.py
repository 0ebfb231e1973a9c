"""The first minutes of a new champion: where it fails, its predecessor answers; where it crosses a line, it goes back.

The lines are the canary's (promotion/canary.py) but that on pace, held against the predecessor's last window before the
swap. Only a version that somebody promoted is watched, and only beside a predecessor that served here, verified, and is
still in memory. Going back ends it: what was rolled back to is never watched, so nothing can go to and fro.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from components.promotion.canary import Figures, Lines, Outcome, Window, crossed
from services.canary import NOT_ITS_FAULT, Answered, fell_back, tried
from services.figures import figures
from services.messages import CanarySide, ChampionState
from services.release_cache import Serving
from services.search_desk import NoIndexError

logger = logging.getLogger("shoploop.probation")

A = TypeVar("A", bound=Answered)
PREDECESSOR = "its predecessor's"


@dataclass(frozen=True)
class Term:
    """One champion beside its predecessor; baseline: the predecessor's figures before the swap."""

    champion: Serving
    before: Serving
    baseline: Figures
    began: float
    window: Window = field(default_factory=Window)


@dataclass(frozen=True)
class Failed:
    """A champion that crossed a line. told: the history was asked; stays: why it could not go back."""

    version: str
    before: str
    reason: str
    told: bool = False
    stays: str | None = None


class Probation:
    """Shared by all threads; `swapped` is called by the one that follows the champion, `judge` by the one alongside."""

    def __init__(self, lines: Lines, clock: Callable[[], float] = time.monotonic):
        """clock: seconds that only grow."""
        self.lines = lines
        self._clock = clock
        self._release: object = None
        self._window = Window()  # of the champion, whoever that is
        self.term: Term | None = None
        self.failed: Failed | None = None

    def swapped(self, before: Serving | None, champion: Serving, *, promoted: bool) -> None:
        """Another release serves; promoted: because somebody decided so, not because it was gone back to."""
        if self.failed is None or champion.version != self.failed.before:
            self.failed = None
        now, past = self._clock(), self._window
        term = None
        if promoted and before is not None and None not in (before.version, champion.version):
            term = Term(champion, before, past.figures(now, self.lines.window_s), now)
        self._window = Window() if term is None else term.window
        self._release, self.term = champion.release, term

    def answer(self, champion: Serving, ask: Callable[[Serving], A]) -> A:
        """The champion's answer, or its predecessor's where it fails while it is watched."""
        term, began = self.term, self._clock()
        if term is not None and term.champion.release is champion.release:
            answered, found = tried(champion, term.before, ask)
            self._note(champion, began, failed=found is not None, fallback=fell_back(answered))
            if found is not None:
                logger.warning("champion %s failed, its predecessor answered: %s", champion.version, found)
            return answered
        try:
            answered = ask(champion)
        except (*NOT_ITS_FAULT, NoIndexError):
            raise
        except Exception:
            self._note(champion, began, failed=True)
            raise
        self._note(champion, began, fallback=fell_back(answered))
        return answered

    def judge(self) -> None:
        """End the term, if it is over or a line was crossed."""
        term = self.term
        if term is None or self.failed is not None:
            return
        now = self._clock()
        if now - term.began > self.lines.window_s:
            self.term = None
            logger.info("champion %s has passed its first %g s", term.champion.version, self.lines.window_s)
            return
        before = replace(term.baseline, p99_ms=None)  # of other minutes: slower now may only mean busier
        reason = crossed(self._figures(term, now), before, self.lines, PREDECESSOR)
        if reason is not None:
            self.failed = Failed(term.champion.version, term.before.version, reason)
            logger.error("champion %s is to go back to %s: %s", self.failed.version, self.failed.before, reason)

    def told(self, stays: str | None) -> None:
        """The history was asked; stays: why the champion cannot go back, None where it did."""
        self.failed = replace(self.failed, told=True, stays=stays)
        if stays is None:
            figures().rolled_back.inc()

    def state(self) -> ChampionState | None:
        """For those who ask; None where no champion is watched and none failed."""
        term, failed = self.term, self.failed
        if failed is not None:
            word = "stays" if failed.stays else "rolled back" if failed.told else "going back"
            reason = f"{failed.reason}; {failed.stays}" if failed.stays else failed.reason
            return ChampionState(version=failed.version, before=failed.before, state=word, reason=reason)
        if term is None:
            return None
        return ChampionState(
            version=term.champion.version,
            before=term.before.version,
            state="watched",
            since_swap=CanarySide(**asdict(self._figures(term, self._clock()))),
            before_swap=CanarySide(**asdict(term.baseline)),
        )

    def _figures(self, term: Term, now: float) -> Figures:
        overdue = term.champion.flights.overdue(self.lines.hang_s)
        return term.window.figures(now, self.lines.window_s, overdue)

    def _note(self, champion: Serving, began: float, *, failed: bool = False, fallback: bool | None = None) -> None:
        if champion.release is self._release:
            self._window.add(Outcome(began, self._clock() - began, failed, fallback))
