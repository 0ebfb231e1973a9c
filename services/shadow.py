"""The shadow: the version at the alias of that name answers the same questions, unseen, and is compared.

A question goes into a bounded queue after the champion has answered it; where there is no room it is left out. One
thread empties the queue and rests as long as it worked, so a shadow takes half a core of a worker at most. Nothing of
it can change an answer.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from components.metrics.agreement import overlap, rank_biased_overlap
from components.promotion.canary import slowest
from components.release.release import Answer, Question, Release
from services.desk import check_sound
from services.figures import figures
from services.messages import ShadowState
from services.release_cache import Serving

logger = logging.getLogger("shoploop.shadow")

NEWEST = 2000  # comparisons that the state tells of
LOOKS_UP_S = 1.0  # how soon the thread notices that it is to end


@dataclass(frozen=True)
class Asked:
    """A question with what the champion answered, and how long that took it."""

    question: Question
    answer: Answer
    release: Release
    seconds: float


@dataclass(frozen=True)
class Compared:
    """One question, two answers; seconds of each."""

    overlap: float
    rank_biased_overlap: float
    ours: float
    theirs: float


@dataclass
class Run:
    """One shadow beside one champion; only the shadow's thread counts."""

    shadow: Serving
    champion: Serving
    compared: deque[Compared] = field(default_factory=lambda: deque(maxlen=NEWEST))
    answers: int = 0
    errors: int = 0
    last_error: str | None = None

    def is_of(self, version: str, champion: Serving) -> bool:
        """Whether it is still about these two."""
        return self.shadow.version == version and self.champion.release is champion.release


class Shadow:
    """Shared by all threads; `begin`, `refuse`, `end` are called by the one that follows the registry."""

    def __init__(self, share: float, room: int):
        """share of the questions, 0 … 1; room: questions that may wait."""
        self.share = share
        self.run: Run | None = None
        self.refused: tuple[str, str] | None = None  # version, reason
        self._waiting: queue.Queue[Asked] = queue.Queue(room)
        self._dropped = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)

    def begin(self, shadow: Serving, champion: Serving) -> None:
        """From now on a verified version is asked too."""
        self.refused, self._dropped, self.run = None, 0, Run(shadow, champion)
        if not self._thread.is_alive():
            self._thread.start()
        logger.info("release %s is shadow", shadow.version)

    def refuse(self, version: str, reason: str) -> None:
        """A version cannot be asked."""
        self.run, self.refused = None, (version, reason)

    def end(self) -> None:
        """There is no shadow."""
        self.run = self.refused = None

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def offer(self, question: Question, answer: Answer, release: Release, seconds: float) -> None:
        """A question that a release has answered in so many seconds; returns at once."""
        run = self.run
        if run is None or release is not run.champion.release:
            return
        if self.share < 1 and random.random() >= self.share:  # noqa: S311 - a sample, no secret
            return
        try:
            self._waiting.put_nowait(Asked(question, answer, release, seconds))
        except queue.Full:
            self._dropped += 1
            figures().shadow.labels("left_out").inc()

    def state(self) -> ShadowState | None:
        """For those who ask; None where no shadow was asked for."""
        run, refused = self.run, self.refused
        if run is not None:
            return ShadowState(
                version=run.shadow.version,
                state="running",
                reason=run.last_error,
                answers=run.answers,
                errors=run.errors,
                left_out=self._dropped,
                **summary(list(run.compared.copy())),
            )
        if refused is None:
            return None
        return ShadowState(version=refused[0], state="refused", reason=refused[1], **summary([]))

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                asked = self._waiting.get(timeout=LOOKS_UP_S)
            except queue.Empty:
                continue
            run = self.run
            if run is None or asked.release is not run.champion.release:
                continue
            began = time.perf_counter()
            self._ask(run, asked)
            self._stop.wait(time.perf_counter() - began)

    def _ask(self, run: Run, asked: Asked) -> None:
        """Ask the shadow and note what came of it; whatever goes wrong is its own."""
        run.answers += 1
        try:
            found = compare(asked, run.shadow.release)
        except Exception as e:  # whatever a release may do wrong
            run.errors += 1
            run.last_error = f"{type(e).__name__}: {str(e)[:300]}"
            figures().shadow.labels("failed").inc()
            return
        run.compared.append(found)
        figures().shadow.labels("compared").inc()
        figures().shadow_overlap.observe(found.overlap)
        figures().shadow_rank_biased_overlap.observe(found.rank_biased_overlap)
        figures().shadow_seconds.observe(found.ours)


def compare(asked: Asked, shadow: Release) -> Compared:
    """What a release answers to the same question, against the answer that was given; by item id, for the catalogues
    may differ.

    Raises whatever the release raises, and ReleaseError if its scores are no numbers.
    """
    began = time.perf_counter()
    answer = shadow.recommend(asked.question)
    seconds = time.perf_counter() - began
    check_sound(answer)
    ours = shadow.hybrid.items.decode(answer.items).tolist()
    theirs = asked.release.hybrid.items.decode(asked.answer.items).tolist()
    return Compared(overlap(ours, theirs), rank_biased_overlap(ours, theirs), seconds, asked.seconds)


def summary(compared: Sequence[Compared]) -> dict[str, float | None]:
    """Means of the agreement, median and 99th percentile of the time; None where nothing was compared."""
    if not compared:
        return dict.fromkeys(
            ("overlap", "rank_biased_overlap", "p50_ms", "p99_ms", "champion_p50_ms", "champion_p99_ms")
        )
    ours, theirs = sorted(c.ours for c in compared), sorted(c.theirs for c in compared)
    return {
        "overlap": fmean(c.overlap for c in compared),
        "rank_biased_overlap": fmean(c.rank_biased_overlap for c in compared),
        "p50_ms": 1000 * slowest(ours, 0.5),
        "p99_ms": 1000 * slowest(ours),
        "champion_p50_ms": 1000 * slowest(theirs, 0.5),
        "champion_p99_ms": 1000 * slowest(theirs),
    }
