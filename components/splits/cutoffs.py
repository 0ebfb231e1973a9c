"""Cut-off times: one moment for everybody, midnight UTC, before which lies the history and after which the target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import layout, schema
from components.core.errors import DataError
from components.splits.splitter import Events, SplitConfig, Splitter

if TYPE_CHECKING:
    from ibis import Table

DAY = timedelta(days=1)


class SharesConfig(SplitConfig):
    """Two windows at the end of the time span; shares are of the span, not of the events."""

    test_share: float = Field(default=0.1, gt=0, lt=0.5)
    validation_share: float = Field(default=0.1, gt=0, lt=0.5)


@dataclass(frozen=True)
class Window:
    """history < cutoff <= target < end (UTC)."""

    name: str
    cutoff: datetime
    end: datetime


def windows(first: datetime, last: datetime, config: SharesConfig) -> list[Window]:
    """The validation and the test window of a time span, cut at midnight UTC.

    first, last  times of the first and the last event
    Raises       DataError if a window would hold less than a day
    """
    length = last - first
    end = last + timedelta(seconds=1)
    test = midnight(last - length * config.test_share)
    validation = midnight(last - length * (config.test_share + config.validation_share))
    if not first + DAY <= validation <= test - DAY <= end - 2 * DAY:
        raise DataError(
            f"split: cut-offs {validation:%Y-%m-%d} and {test:%Y-%m-%d} leave a window of less than a day between "
            f"{first:%Y-%m-%d} and {last:%Y-%m-%d}; bring more days or choose larger shares."
        )
    return [Window(layout.VALIDATION_FOLD, validation, test), Window(layout.TEST_FOLD, test, end)]


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
