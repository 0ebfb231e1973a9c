"""The shop's clock: local time → UTC, with the hours that daylight saving skips and repeats.

The zone's offsets are asked of Python's own zone data and compared with the local time by a balanced tree of cases, so
that an engine needs no zone data and two engines cannot disagree.
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
DAY = timedelta(days=1)


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


def offset(local: IntegerValue, zone: str, first: date, last: date, ambiguous: str = EARLIER) -> IntegerValue:
    """Seconds that the zone is east of UTC at a local time; null for a time that the clock never showed.

    local      seconds since 1970 as the shop's clock shows them
    ambiguous  which of its two moments a repeated hour means: "earlier", "later", or null for "problem"
    """
    found = changes(zone, first, last)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return _branch(local, found, found[0].before if found else _offset(ZoneInfo(zone), start), ambiguous)


def _branch(local: IntegerValue, found: tuple[Change, ...], before: int, ambiguous: str) -> IntegerValue:
    """The offset within these changes; `before` holds before the first of them."""
    import ibis

    if not found:
        return ibis.literal(before, "int64")
    middle = len(found) // 2
    change = found[middle]
    early = _branch(local, found[:middle], before, ambiguous)
    late = _branch(local, found[middle + 1 :], change.after, ambiguous)
    lower, upper = sorted((change.at + change.before, change.at + change.after))
    skipped = change.after > change.before
    if skipped or ambiguous == PROBLEM:
        never = ibis.null("int64")
        return (local < lower).ifelse(early, (local < upper).ifelse(never, late))
    return (local < (upper if ambiguous == EARLIER else lower)).ifelse(early, late)


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
