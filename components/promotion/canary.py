"""Whether a canary may go on: what a sliding window says of it, against the champion's answers of the same minutes.

A canary is a version that answers a share of the people before anybody made it champion. Nothing here knows the time,
a registry or a service: times are passed in, and the same window always gives the same verdict.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from components.core.config import Config

LONGEST_WINDOW = 20_000  # answers of one side that are remembered
SLOWEST = 0.99


class Lines(Config):
    """What a canary may not cross.

    window_s        seconds that count
    min_requests    answers of a side before its figures are taken for figures
    max_errors      error rate above the champion's
    max_slowdown    p99 of the time to an answer, as a multiple of the champion's
    slow_ms         and by at least so many milliseconds, for a multiple of next to nothing is nothing
    min_for_pace    answers of a side before its p99 is taken for one: of a hundred it is the second slowest, and one
                    moment of a busy machine decides it
    max_fallbacks   share of recommendations that are not personal, above the champion's
    hang_s          seconds after which an answer that is still being worked on counts as failed
    """

    window_s: float = Field(default=300.0, ge=1, le=86_400)
    min_requests: int = Field(default=100, ge=5, le=LONGEST_WINDOW)
    max_errors: float = Field(default=0.01, ge=0, lt=1)
    max_slowdown: float = Field(default=2.0, gt=1, le=1000)
    min_for_pace: int = Field(default=500, ge=5, le=LONGEST_WINDOW)
    slow_ms: float = Field(default=20.0, ge=0, le=10_000)
    max_fallbacks: float = Field(default=0.1, ge=0, lt=1)
    hang_s: float = Field(default=5.0, ge=0.1, le=600)


@dataclass(frozen=True)
class Outcome:
    """One answer of one side: when it began and how long it took in seconds, and how it ended.

    fallback  of a recommendation, whether it was not personal; None of any other answer
    """

    at: float
    seconds: float
    failed: bool = False
    fallback: bool | None = None


@dataclass(frozen=True)
class Figures:
    """One side of a window. p99_ms is of the answers that did not fail; None where there are none.

    recommended  of these, the recommendations, and fallbacks those of them that were not personal
    """

    requests: int
    errors: int
    recommended: int
    fallbacks: int
    p99_ms: float | None


class Window:
    """The newest outcomes of one side, oldest first, at most LONGEST_WINDOW."""

    def __init__(self) -> None:
        """Empty."""
        self._outcomes: deque[Outcome] = deque(maxlen=LONGEST_WINDOW)

    def add(self, outcome: Outcome) -> None:
        """One more; any thread may add while another one looks."""
        self._outcomes.append(outcome)

    def figures(self, now: float, window_s: float, overdue: int = 0) -> Figures:
        """Of the outcomes that began within `window_s` seconds before `now`; overdue: answers that hang, failures."""
        ended = summed(outcome for outcome in self._outcomes.copy() if outcome.at > now - window_s)
        return replace(ended, requests=ended.requests + overdue, errors=ended.errors + overdue)


def summed(outcomes: Iterable[Outcome]) -> Figures:
    """The figures of some outcomes."""
    counted = list(outcomes)
    answered = [outcome for outcome in counted if not outcome.failed]
    return Figures(
        requests=len(counted),
        errors=len(counted) - len(answered),
        recommended=sum(outcome.fallback is not None for outcome in answered),
        fallbacks=sum(outcome.fallback is True for outcome in answered),
        p99_ms=1000 * slowest(sorted(outcome.seconds for outcome in answered)) if answered else None,
    )


def slowest(seconds: Sequence[float], share: float = SLOWEST) -> float:
    """The value that `share` of the sorted values do not exceed (nearest rank)."""
    return seconds[math.ceil(share * len(seconds)) - 1]


def crossed(canary: Figures, champion: Figures, lines: Lines, other: str = "the champion's") -> str | None:
    """Which line the canary crossed, in words; None if it may go on. other: whose the second figures are."""
    return (
        _too_many_errors(canary, champion, lines, other)
        or _too_slow(canary, champion, lines, other)
        or _too_many_fallbacks(canary, champion, lines, other)
    )


def _too_many_errors(canary: Figures, champion: Figures, lines: Lines, other: str) -> str | None:
    """Answers still missing to `min_requests` count as good, so that what can only get worse is not waited for."""
    ours = canary.errors / max(canary.requests, lines.min_requests)
    theirs = champion.errors / max(champion.requests, lines.min_requests)
    if ours <= theirs + lines.max_errors:
        return None
    return (
        f"{canary.errors} of {canary.requests} answers failed, {other} {champion.errors} of "
        f"{champion.requests}; at most {lines.max_errors:.1%} more may, of {lines.min_requests} or more"
    )


def _too_slow(canary: Figures, champion: Figures, lines: Lines, other: str) -> str | None:
    if not _enough(canary, champion, lines.min_for_pace) or canary.p99_ms is None or champion.p99_ms is None:
        return None
    line = max(lines.max_slowdown * champion.p99_ms, champion.p99_ms + lines.slow_ms)
    if canary.p99_ms <= line:
        return None
    return (
        f"99 % of its answers took up to {canary.p99_ms:.1f} ms, {other} {champion.p99_ms:.1f} ms; "
        f"the line is {line:.1f} ms"
    )


def _too_many_fallbacks(canary: Figures, champion: Figures, lines: Lines, other: str) -> str | None:
    if min(canary.recommended, champion.recommended) < lines.min_requests:
        return None
    ours, theirs = canary.fallbacks / canary.recommended, champion.fallbacks / champion.recommended
    if ours <= theirs + lines.max_fallbacks:
        return None
    return (
        f"{ours:.1%} of its recommendations were not personal, {other} {theirs:.1%}; "
        f"at most {lines.max_fallbacks:.1%} more may be"
    )


def _enough(canary: Figures, champion: Figures, least: int) -> bool:
    return min(canary.requests, champion.requests) >= least
