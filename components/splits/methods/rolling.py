"""Rolling temporal windows: the global temporal split made several times, one window after the other.

Use it to see whether a figure holds from week to week. The last window is the test, the one before it the validation;
earlier ones are written beside them as window_1, window_2 …
What leaks: nothing within a fold, as with one cut-off. A window's target is part of the history of later windows, so
the windows are not independent of each other: their spread is a hint, not an interval.
Source: Tashman 2000 (doi:10.1016/S0169-2070(00)00065-0), rolling origins.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from components.core import layout, schema
from components.core.errors import DataError
from components.splits import cutoffs
from components.splits.cutoffs import DAY, Window, midnight
from components.splits.splitter import Events, Fold, SplitConfig, Splitter, span


class RollingConfig(SplitConfig):
    """Windows of equal length at the end of the time, without gaps."""

    method: Literal["rolling"] = "rolling"
    windows: int = Field(4, ge=2, le=104, description="folds; the last two are validation and test")
    window_days: int = Field(7, ge=1, le=366, description="length of every target window")
    history_days: int | None = Field(None, ge=1, description="how far back a history reaches; None: to the beginning")


class Rolling(Splitter):
    """One fold per window."""

    Config = RollingConfig
    leaks: ClassVar = (
        "nothing within a fold: no event at or after its cut-off is in its history; a window's target is in the "
        "history of later windows"
    )

    def _folds(self, events: Events) -> list[Fold]:
        return [self._fold(events, window) for window in self.cut(*span(events.standing))]

    def cut(self, first: datetime, last: datetime) -> list[Window]:
        """The windows of a time span; DataError if not a day of history is left before the first."""
        step, n = timedelta(days=self.config.window_days), self.config.windows
        end = midnight(last) + DAY
        starts = [end - step * left for left in range(n, 0, -1)]
        if starts[0] < first + DAY:
            raise DataError(
                f"split: {n} windows of {self.config.window_days} days before {end:%Y-%m-%d} begin at "
                f"{starts[0]:%Y-%m-%d}, less than a day after the first event ({first:%Y-%m-%d}); choose fewer or "
                "shorter windows."
            )
        names = [f"window_{at}" for at in range(1, n - 1)] + list(layout.FOLDS)
        return [Window(name, start, start + step) for name, start in zip(names, starts, strict=True)]

    def _fold(self, events: Events, window: Window) -> Fold:
        past = cutoffs.history(self, events, window)
        if self.config.history_days is not None:
            past = past.filter(past[schema.TIMESTAMP] >= window.cutoff - timedelta(days=self.config.history_days))
        wanted = cutoffs.target(self, events, window)
        return Fold(window.name, past, wanted, now=window.cutoff, cutoff=window.cutoff)
