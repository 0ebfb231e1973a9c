"""The one contract of every split method: clean interactions in, folds out, and a plain word on what leaks.

A fold holds a history, on which vocabularies, features and models are fitted, and a target, which they are judged by.
The last fold is the test, the one before it the validation, whose target trains the ranker. Every rule is an Ibis
expression, so that DuckDB and Spark give the same rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.core.registry import SPLITS
from components.data.engine import EngineConfig
from components.data.undone import as_of

if TYPE_CHECKING:
    from datetime import datetime

    from ibis import Table

    from components.splits.shown import Shown

DEFAULT_METHOD = "temporal"
BOUGHT, LISTED = "bought", "listed"  # what a catalogue holds
LISTED_LEAKS = "which products the shop would list later: the catalogue holds all of today's items table"
EventType = Literal[schema.VIEW, schema.CLICK, schema.CART, schema.PURCHASE, schema.RATING]
COUNTED: tuple[EventType, ...] = (schema.VIEW, schema.CLICK, schema.CART, schema.PURCHASE, schema.RATING)


class SplitConfig(Config):
    """Section `split` of params.yaml: what every method knows; the method named adds options of its own."""

    method: str = DEFAULT_METHOD
    history_events: tuple[EventType, ...] = Field(
        COUNTED, min_length=1, description="event types that make up histories; a cancellation never does"
    )
    target_events: tuple[EventType, ...] = Field(
        COUNTED, min_length=1, description="event types that are to be foretold"
    )
    min_users_per_item: int = Field(10, ge=1, description="in a fold's history; rarer items leave the catalogue")
    catalogue: Literal["bought", "listed"] = Field(
        "bought", description="listed: all other items of the items table are in it too, for models that know an item "
                              "by its content, and for exploration"
    )  # fmt: skip
    min_items_per_user: int = Field(5, ge=1, description="distinct catalogue items; users with fewer are not fitted on")
    engine: EngineConfig = EngineConfig()

    @classmethod
    def variant(cls, values: Any) -> type[SplitConfig]:
        """The configuration of the method that the values name; ConfigError if there is no such method."""
        method = values.get("method", DEFAULT_METHOD) if isinstance(values, dict) else DEFAULT_METHOD
        return SPLITS.get(str(method)).Config


@dataclass(frozen=True)
class Fold:
    """What is known and what is to be foretold. All tables have the canonical columns of interactions.

    name     layout.FOLDS for the two that the loop uses; `window_1` … for earlier ones
    history  what vocabularies, features and models are fitted on
    target   what is to be foretold; no row of it is in `history` or `asked`
    now      UTC; the moment at which everybody is asked, after every event of `history` and `asked`. Where users have
             a moment each (leave-last methods) it is the end of the data: ages are then counted from there for all
    cutoff   UTC; where one moment parts history from target for all users, else None
    asked    histories of users who are in no history, told to the models only when they are asked; None where the
             users of the target are those of the history
    listed   item_id of the items that the catalogue holds although nothing is known of them; None where there are none
    shelf    item_id of the items that the catalogue holds however little is known of them; None where there are none
    shown    the shop's log of what it showed, of any time; None where there is none, or users have a moment each: what
             was shown and clicked then would tell what is to be foretold
    """

    name: str
    history: Table
    target: Table
    now: datetime
    cutoff: datetime | None = None
    asked: Table | None = None
    listed: Table | None = None
    shelf: Table | None = None
    shown: Shown | None = None


@dataclass(frozen=True)
class Events:
    """What may be split.

    standing  canonical interactions that nobody took back
    undone    those that were taken back, with the time of it, as components/data/undone.py keeps them; None: none were
    """

    standing: Table
    undone: Table | None = None

    def known_at(self, moment: datetime) -> Table:
        """The interactions before a moment (UTC), as they were known then."""
        return as_of(self.standing, self.undone, moment)


class Splitter(ABC):
    """A way of splitting.

    A subclass names itself by its file (`splits/methods/rolling.py` is "rolling") and declares `Config`, `leaks` (one
    plain sentence for reports), `needs_times`: False where the order of a user's events is enough, and `who`, the
    column that says whose an event is; events without it are left out.
    """

    version: ClassVar[int] = 1
    Config: ClassVar[type[SplitConfig]]
    leaks: ClassVar[str]
    needs_times: ClassVar[bool] = True
    who: ClassVar[str] = schema.USER_ID

    def __init__(self, config: SplitConfig | None = None):
        """The method with its options; `config` defaults to the declared defaults."""
        self.config = config if config is not None else self.Config()

    @property
    def all_leaks(self) -> str:
        """What leaks by the method and by what the catalogue is to hold."""
        return f"{self.leaks}; {LISTED_LEAKS}" if self.config.catalogue == LISTED else self.leaks

    def folds(self, interactions: Table, undone: Table | None = None) -> list[Fold]:
        """All folds, oldest first; the last two are those of layout.FOLDS.

        interactions  clean; event types that count in neither part are left out
        undone        what cancellations took back; where there is one cut-off, a purchase that was cancelled after it
                      is in the history as it was bought, for nobody knew yet
        Raises        DataError where no event counts, or they are too few or span too little time to be split
        """
        self._refuse_nothing(interactions)
        return self._folds(Events(self._counted(interactions), None if undone is None else self._counted(undone)))

    def past(self, events: Table) -> Table:
        """The events that may be in a history."""
        return events.filter(events[schema.EVENT_TYPE].isin(self.config.history_events))

    def wanted(self, events: Table) -> Table:
        """The events that may be in a target."""
        return events.filter(events[schema.EVENT_TYPE].isin(self.config.target_events))

    def _counted(self, events: Table) -> Table:
        kinds = sorted({*self.config.history_events, *self.config.target_events})
        return events.filter(events[self.who].notnull() & events[schema.EVENT_TYPE].isin(kinds))

    def _refuse_nothing(self, interactions: Table) -> None:
        """DataError where no event counts: which would, and what there is."""
        counted = sorted({*self.config.history_events, *self.config.target_events})
        known = interactions[self.who].notnull().sum()
        rows = interactions.group_by(schema.EVENT_TYPE).agg(known=known).to_pyarrow().to_pylist()
        there = {row[schema.EVENT_TYPE]: row["known"] for row in rows}
        if any(there.get(kind) for kind in counted):
            return
        held = ", ".join(f"{n:,} {kind}" for kind, n in sorted(there.items())) or "none at all"
        raise DataError(
            f"split: no event to split: {', '.join(counted)} with a {self.who} count (split.history_events, "
            f"split.target_events), and of events with one there are {held}."
        )

    @abstractmethod
    def _folds(self, events: Events) -> list[Fold]:
        """The folds of the events that count."""


def span(events: Table) -> tuple[datetime, datetime]:
    """Times of the first and the last of some events, UTC."""
    at = events[schema.TIMESTAMP]
    (row,) = events.aggregate(first=at.min(), last=at.max()).to_pyarrow().to_pylist()
    return row["first"], row["last"]
