"""Freshness: whether the newest rows are as new as they should be, and none comes from the future.

The moment to judge by comes from params.yaml (`validate.freshness.now`) or from the snapshots accepted before; no
component looks at the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from components.core.config import Config
from components.quality.rules import RANGE, Rule
from components.quality.snapshots import TIMES, Snapshot
from components.quality.suites import QUARANTINE
from components.quality.verdict import Verdict

NEWEST = "expect_column_max_to_be_between"
BEFORE_ALL = "0001-01-01 00:00:00"
AFTER_ALL = datetime.fromisoformat("9999-12-31")
STRAY_SHARE = 0.01  # of the events, beyond a long pause: those are strays, more of them is a shop that reopened
# A shop that began with few events has long pauses among its first: a pause beside which others are nearly as long is
# no stray's. The third longest of thirty, for two may themselves lead to strays at the other end.
NEXT_PAUSES, RANK, TIMES_AS_LONG = 30, 3, 10


class FreshnessConfig(Config):
    """Section `validate.freshness` of params.yaml.

    now           the moment the data are judged at, UTC; None: their age is not judged
    max_age_days  of the newest row at `now`
    """

    now: datetime | None = None
    max_age_days: float | None = Field(None, gt=0, le=36_600)
    future_days: float = Field(1.0, ge=0, le=366, description="rows later than this after `now` are set aside")
    max_pause_days: int = Field(90, ge=1, le=36_600, description="few events beyond a longer pause are strays")
    outcome: Literal["warn", "stop"] = "warn"

    @field_validator("now")
    @classmethod
    def _utc(cls, value: datetime | None) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value and value.tzinfo else value


def rules(table: str, config: FreshnessConfig, earlier: Sequence[Snapshot]) -> list[Rule]:
    """Rules on the times of one canonical table; none where it has no times or nothing to compare them with."""
    if table not in TIMES:
        return []
    column, found = TIMES[table], []
    if config.now is not None:
        found += _at(column, config, config.now)
    known = [s.newest[table] for s in earlier if table in s.newest]
    if known:
        oldest, last = datetime.fromisoformat(max(known)), AFTER_ALL
        why = "the newest row is older than that of data accepted before: an old copy, or one cut short"
        found.append(_newest("not_older_than_before", column, oldest, last, config.outcome, why))
    return found


def pause(table: str, days: Sequence[date], daily: Sequence[int], config: FreshnessConfig) -> Verdict:
    """Whether the events hang together: not a few of them years away from all others, as a wrong clock leaves them.

    days, daily  dates that have events, in order, and how many
    """
    words = f"no few events lie more than {config.max_pause_days} days from the others"
    why = "a wrong year or a wrong epoch: one such event moves every cut-off"
    found = _strays(days, np.asarray(daily), config.max_pause_days)
    observed = f"{found[0]:,} events beyond a pause from {found[1]} to {found[2]}" if found else ""
    strays = found[0] if found else 0
    return Verdict(
        table, "times_hang_together", config.outcome, words, why, not found, int(sum(daily)), strays, observed
    )


def _at(column: str, config: FreshnessConfig, now: datetime) -> list[Rule]:
    latest = now + timedelta(days=config.future_days)
    meta = {
        "rule": "not_of_the_future",
        "outcome": QUARANTINE,
        "words": f"{column} is at most {latest:%Y-%m-%d %H:%M}",
        "why": "the row lies in the future of the moment that params.yaml names",
    }
    kwargs = {"column": column, "min_value": BEFORE_ALL, "max_value": f"{latest:%Y-%m-%d %H:%M:%S}"}
    found = [{"type": RANGE, "kwargs": kwargs, "meta": meta}]
    if config.max_age_days is not None:
        oldest = now - timedelta(days=config.max_age_days)
        why = f"the newest row is older than {config.max_age_days:g} days: what is learnt from it is out of date"
        found.append(_newest("fresh", column, oldest, AFTER_ALL, config.outcome, why))
    return found


def _newest(name: str, column: str, low: datetime, high: datetime, outcome: str, why: str) -> Rule:
    words = f"the newest {column} is at least {low:%Y-%m-%d %H:%M}"
    meta = {"rule": name, "outcome": outcome, "words": words, "why": why}
    return {"type": NEWEST, "kwargs": {"column": column, "min_value": low, "max_value": high}, "meta": meta}


def _strays(days: Sequence[date], daily: np.ndarray, longest: int) -> tuple[int, date, date] | None:
    """The fewest events beyond a pause, at either end: how many, and the days on both sides of the pause."""
    pauses = np.array([(b - a).days for a, b in pairwise(days)])
    before = np.cumsum(daily)
    found = []
    for i in np.flatnonzero(pauses > longest):
        first, last = int(before[i]), int(before[-1] - before[i])
        next_ones = pauses[i + 1 :] if first <= last else pauses[:i][::-1]
        if min(first, last) <= STRAY_SHARE * before[-1] and pauses[i] > TIMES_AS_LONG * _usual(next_ones):
            found.append((min(first, last), days[i], days[i + 1]))
    return max(found, key=lambda side: side[0]) if found else None


def _usual(pauses: np.ndarray) -> int:
    """What a long pause is among the next ones, on the side of most events."""
    near = np.sort(pauses[:NEXT_PAUSES])
    return int(near[-min(RANK, len(near))]) if len(near) else 0
