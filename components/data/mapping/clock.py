"""The shop's clock: local time → UTC, with the hours that daylight saving skips and repeats.

The zone's offsets are asked of Python's own zone data and written into one text per column, cut by the year: an engine
needs no zone data, two engines cannot disagree, and the query stays short.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from ibis.expr.types import IntegerValue

EARLIER, LATER, PROBLEM = "earlier", "later", "problem"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY, DAY_S = timedelta(days=1), 86_400
DIGITS = 11  # of a number in the texts
NEVER = 10**DIGITS - 1  # seconds: the year 5138


@dataclass(frozen=True)
class Change:
    """One change of a zone's offset from UTC.

    at      seconds since 1970 in UTC
    before  offset until then, seconds east of UTC
    after   offset from then on
    """

    at: int
    before: int
    after: int


@cache
def changes(zone: str, first: date, last: date) -> tuple[Change, ...]:
    """All changes of the zone's offset between two days, in order."""
    clock = ZoneInfo(zone)
    day = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + DAY
    found = []
    while day < end:
        before, after = _offset(clock, day), _offset(clock, day + DAY)
        if before != after:
            found.append(Change(_moment(clock, day), before, after))
        day += DAY
    return tuple(found)


def offset(
    local: IntegerValue, year: IntegerValue, zone: str, first: date, last: date, ambiguous: str = EARLIER
) -> IntegerValue:
    """Seconds that the zone is east of UTC at a local time; null for a time that the clock never showed.

    local      seconds since 1970 as the shop's clock shows them
    year       the year it shows; outside of `first` to `last` the answer means nothing
    ambiguous  which of its two moments a repeated hour means: "earlier", "later", or null for "problem"
    """
    import ibis

    calendar = years(zone, first, last)
    place = (year - first.year).clip(0, len(calendar) - 1) * DIGITS

    def told(numbers: list[int]) -> IntegerValue:
        """The number of the row's year."""
        return ibis.literal("".join(f"{n:0{DIGITS}d}" for n in numbers)).substr(place, DIGITS).cast("int64")

    east = told([before + DAY_S for before, _ in calendar])
    for slot in range(max(len(found) for _, found in calendar)):
        lower, upper, after = ([row[slot][n] if slot < len(row) else NEVER for _, row in calendar] for n in range(3))
        skips = [slot < len(row) and row[slot][3] for _, row in calendar]
        if ambiguous != PROBLEM:  # a repeated hour ends, or begins, the old offset; a skipped one is null
            bounds = [(low, up) if skip else (up, up) if ambiguous == EARLIER else (low, low)
                      for low, up, skip in zip(lower, upper, skips, strict=True)]  # fmt: skip
            lower, upper = [b[0] for b in bounds], [b[1] for b in bounds]
        east = (local < told(lower)).ifelse(east, (local < told(upper)).ifelse(None, told(after)))
    return east - DAY_S


@cache
def years(zone: str, first: date, last: date) -> tuple[tuple[int, tuple[tuple[int, int, int, bool], ...]], ...]:
    """By year of the shop's clock: the offset it begins with, and its changes.

    A change is the local times between which it falls, the offset after it (a day added, so that none is negative),
    and whether the time between is skipped or repeated.
    """
    found = changes(zone, date(first.year, 1, 1), last)
    east = found[0].before if found else _offset(ZoneInfo(zone), EPOCH.replace(year=first.year))
    out = []
    for year in range(first.year, last.year + 1):
        mine = [c for c in found if (EPOCH + timedelta(seconds=c.at + min(c.before, c.after))).year == year]
        rows = tuple(
            (c.at + min(c.before, c.after), c.at + max(c.before, c.after), c.after + DAY_S, c.after > c.before)
            for c in mine
        )
        out.append((east, rows))
        east = mine[-1].after if mine else east
    return tuple(out)


def _offset(clock: ZoneInfo, moment: datetime) -> int:
    return int(moment.astimezone(clock).utcoffset().total_seconds())


def _moment(clock: ZoneInfo, day: datetime) -> int:
    """The first second of the day after which the offset is another; one change a day, as all zones keep it."""
    low, high = int((day - EPOCH).total_seconds()), int((day + DAY - EPOCH).total_seconds())
    before = _offset(clock, day)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(clock, EPOCH + timedelta(seconds=middle)) == before:
            low = middle
        else:
            high = middle
    return high
