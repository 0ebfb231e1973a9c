"""Global temporal split: one cut-off time for everybody, made before anything is fitted.

What leaks: nothing that lies at or after a fold's cut-off reaches its history. The validation fold's target
window is part of the test fold's history, as it would be in production; the test target is in nobody's history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ibis.expr.types import Table
from pydantic import Field

from components.core import layout, schema
from components.core.config import Config
from components.core.errors import DataError
from components.data.engine import EngineConfig


class SplitConfig(Config):
    """Shares are of the time span, not of the events."""

    test_share: float = Field(default=0.1, gt=0, lt=0.5)
    validation_share: float = Field(default=0.1, gt=0, lt=0.5)
    min_users_per_item: int = Field(default=10, ge=1)
    min_items_per_user: int = Field(default=5, ge=1)
    engine: EngineConfig = EngineConfig()


@dataclass(frozen=True)
class Window:
    """One fold: history < cutoff <= target < end (UTC)."""

    name: str
    cutoff: datetime
    end: datetime


def windows(first: datetime, last: datetime, config: SplitConfig) -> list[Window]:
    """The validation and the test fold of a time span, cut at midnight UTC.

    first, last  times of the first and the last event
    Raises       DataError if a window would hold less than a day.
    """
    span = last - first
    end = last + timedelta(seconds=1)
    test = _midnight(last - span * config.test_share)
    validation = _midnight(last - span * (config.test_share + config.validation_share))
    if not first + timedelta(days=1) <= validation <= test - timedelta(days=1) <= end - timedelta(days=2):
        raise DataError(
            f"split: cut-offs {validation:%Y-%m-%d} and {test:%Y-%m-%d} leave a window of less than a day between "
            f"{first:%Y-%m-%d} and {last:%Y-%m-%d}; bring more days or choose larger shares."
        )
    return [Window(layout.VALIDATION_FOLD, validation, test), Window(layout.TEST_FOLD, test, end)]


def history(interactions: Table, window: Window) -> Table:
    """Everything before the cut-off."""
    return interactions.filter(interactions[schema.TIMESTAMP] < window.cutoff)


def target(interactions: Table, window: Window) -> Table:
    """What is to be foretold: from the cut-off to the window's end."""
    at = interactions[schema.TIMESTAMP]
    return interactions.filter((at >= window.cutoff) & (at < window.end))


def dense(history: Table, config: SplitConfig) -> Table:
    """History without items too few users bought, and then without users who have too few distinct items."""
    per_item = history.group_by(schema.ITEM_ID).agg(n=history[schema.USER_ID].nunique())
    kept = history.semi_join(per_item.filter(per_item.n >= config.min_users_per_item), schema.ITEM_ID)
    per_user = kept.group_by(schema.USER_ID).agg(n=kept[schema.ITEM_ID].nunique())
    return kept.semi_join(per_user.filter(per_user.n >= config.min_items_per_user), schema.USER_ID)


def span(interactions: Table) -> tuple[datetime, datetime]:
    """Times of the first and the last event; DataError on an empty table."""
    at = interactions[schema.TIMESTAMP]
    row = interactions.aggregate(first=at.min(), last=at.max()).to_pyarrow().to_pylist()[0]
    if row["first"] is None:
        raise DataError("split: the interactions table is empty; nothing to split.")
    return row["first"], row["last"]


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
