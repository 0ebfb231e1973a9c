"""Cut-off times: one moment for everybody, midnight UTC, before which lies the history and after which the target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import layout, schema
from components.core.errors import DataError
from components.splits.splitter import Events, SplitConfig, Splitter, span

if TYPE_CHECKING:
    from ibis import Table

DAY = timedelta(days=1)


class SharesConfig(SplitConfig):
    """Two windows at the end of the time span; shares are of the span, not of the events.

    earlier       one more window, as long as the validation's and before it: what a recommender of two stages learns
                  from where the validation is asked
    least_filled  a window, or the history before them, that holds less than so many times the events of an average
                  stretch of its length stops the split; 0 lets all pass
    """

    test_share: float = Field(default=0.1, gt=0, lt=0.5)
    validation_share: float = Field(default=0.1, gt=0, lt=0.5)
    least_filled: float = Field(default=0.01, ge=0, le=1)
    earlier: bool = False


@dataclass(frozen=True)
class Window:
    """history < cutoff <= target < end (UTC)."""

    name: str
    cutoff: datetime
    end: datetime


def windows_of(standing: Table, config: SharesConfig) -> list[Window]:
    """The validation and the test window of a shop's events, and one before them where the options say so.

    Raises  DataError as `windows` does; or where one event far from all others, a year that was mistyped, has drawn
            the cut-offs to where next to nothing happened
    """
    first, last = span(standing)
    found = windows(first, last, config)
    stretches = [Window("history", first, found[0].cutoff), *found]
    at = standing[schema.TIMESTAMP]
    held = {w.name: ((at >= w.cutoff) & (at < w.end)).sum() for w in stretches}
    (counts,) = standing.aggregate(**held).to_pyarrow().to_pylist()
    total, length = sum(counts.values()), found[-1].end - first
    for window in stretches:
        usual = total * ((window.end - window.cutoff) / length)
        if counts[window.name] < config.least_filled * usual:
            raise _hardly_filled(window, counts[window.name], usual, first, last)
    return found


def _hardly_filled(window: Window, held: int, usual: float, first: datetime, last: datetime) -> DataError:
    return DataError(
        f"split: {window.name}, from {window.cutoff:%Y-%m-%d} to {window.end:%Y-%m-%d}, holds {held:,} events, where "
        f"{usual:,.0f} would be average. All lie between {first:%Y-%m-%d} and {last:%Y-%m-%d}: is one of them far from "
        "the others, by mistake? Look for times near these two days, and correct such rows or leave them out; in the "
        "loop, artifacts/quality/report.html names them (rule times_hang_together), and validate.freshness.now, the "
        "day of the export, sets rows of the future aside. If it is right so, choose other shares, or "
        "split.least_filled: 0, in params.yaml; leave_last_out cuts at no time at all."
    )


def windows(first: datetime, last: datetime, config: SharesConfig) -> list[Window]:
    """The validation and the test window of a time span, cut at midnight UTC, and what `earlier` asks for.

    first, last  times of the first and the last event
    Raises       DataError if a window would hold less than a day
    """
    length = last - first
    end = last + timedelta(seconds=1)
    names = [*([layout.EARLIER_FOLD] if config.earlier else []), *layout.FOLDS]
    back = [config.test_share + config.validation_share * at for at in reversed(range(len(names)))]
    cuts = [midnight(last - length * share) for share in back]
    if any(later - cut < DAY for cut, later in pairwise([first, *cuts, end])):
        words = " and ".join(f"{cut:%Y-%m-%d}" for cut in cuts)
        raise DataError(
            f"split: cut-offs {words} leave a window of less than a day between "
            f"{first:%Y-%m-%d} and {last:%Y-%m-%d}; bring more days or choose larger shares."
        )
    return [Window(*window) for window in zip(names, cuts, [*cuts[1:], end], strict=True)]


def history(splitter: Splitter, events: Events, window: Window) -> Table:
    """Everything before the cut-off, as it was known then."""
    return splitter.past(events.known_at(window.cutoff))


def target(splitter: Splitter, events: Events, window: Window) -> Table:
    """What is to be foretold: from the cut-off to the window's end."""
    wanted = splitter.wanted(events.standing)
    at = wanted[schema.TIMESTAMP]
    return wanted.filter((at >= window.cutoff) & (at < window.end))


def midnight(at: datetime) -> datetime:
    """The midnight with which a day begins."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
