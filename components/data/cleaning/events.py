"""Events: interactions that can be no event are dropped, each for one stated reason.

Use it always: a row without item, time or anybody who did it says nothing, nor does one whose quantity is zero or whose
time is impossible. Bounds on times are declared, not guessed: there is no clock here. Most such rows went to quarantine
before, where the shop's suites say so; this is the floor for shops whose suites do not. Cost: one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, blank, maybe_blank, totals

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue

PAID = (schema.PURCHASE, schema.CANCELLATION)
WORDS = {
    "without_item": "rows dropped: no item",
    "without_time": "rows dropped: no time",
    "without_anybody": "rows dropped: neither a user nor a session",
    "of_unknown_type": "rows dropped: an event type that is none of " + ", ".join(schema.EVENT_TYPES),
    "at_impossible_times": "rows dropped: a time outside the declared bounds",
    "of_nothing": "rows dropped: a purchase or cancellation of quantity 0 or less",
    "of_negative_value": "rows dropped: a purchase or cancellation of negative value",
}


class EventsConfig(Config):
    """What is impossible; None declares no bound."""

    earliest: datetime | None = Field(None, description="UTC; events before it are dropped")
    latest: datetime | None = Field(None, description="UTC; events after it are dropped")


class Events(Cleaner):
    """Only what can be an event stays."""

    Config = EventsConfig
    version = 1
    default = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """The interactions without invalid rows; a row that is invalid twice counts for the first reason."""
        interactions = tables[schema.INTERACTIONS_TABLE]
        reasons = self.reasons(interactions)
        if not totals(interactions, {"n": self._doubtful(interactions).sum()})["n"]:
            return Cleaned(effects=tuple(Effect(schema.INTERACTIONS_TABLE, name, 0, WORDS[name]) for name in reasons))
        seen, sums = None, {}
        for name, broken in reasons.items():
            first = broken if seen is None else broken & ~seen
            sums[name] = first.sum()
            seen = broken if seen is None else seen | broken
        counts = totals(interactions, sums)
        effects = tuple(Effect(schema.INTERACTIONS_TABLE, name, n, WORDS[name]) for name, n in counts.items())
        if not any(counts.values()):
            return Cleaned(effects=effects)
        return Cleaned({schema.INTERACTIONS_TABLE: interactions.filter(~seen)}, effects)

    def reasons(self, t: Table) -> dict[str, BooleanValue]:
        """Why a row is no event, by reason; never null."""
        paid = t[schema.EVENT_TYPE].isin(PAID)
        reasons = {
            "without_item": blank(t, schema.ITEM_ID),
            "without_time": t[schema.TIMESTAMP].isnull(),
            "without_anybody": blank(t, schema.USER_ID) & blank(t, schema.SESSION_ID),
            "of_unknown_type": ~t[schema.EVENT_TYPE].isin(schema.EVENT_TYPES),
            "at_impossible_times": self._impossible(t),
            "of_nothing": paid & (t[schema.QUANTITY] <= 0),
            "of_negative_value": paid & (t[schema.VALUE] < 0),
        }
        fallback = {"of_unknown_type": True}  # no type at all is none of the known ones
        return {name: broken.fill_null(fallback.get(name, False)) for name, broken in reasons.items()}

    def _doubtful(self, t: Table) -> BooleanValue:
        """True at least where a row is invalid, without looking for spaces in every text."""
        paid_nothing = ((t[schema.QUANTITY] <= 0) | (t[schema.VALUE] < 0)).fill_null(False)
        nobody = maybe_blank(t, schema.USER_ID) & maybe_blank(t, schema.SESSION_ID)
        unknown = (~t[schema.EVENT_TYPE].isin(schema.EVENT_TYPES)).fill_null(True)
        impossible = t[schema.TIMESTAMP].isnull() | self._impossible(t).fill_null(False)
        return maybe_blank(t, schema.ITEM_ID) | nobody | unknown | impossible | paid_nothing

    def _impossible(self, t: Table) -> BooleanValue:
        import ibis

        outside = ibis.literal(False)
        if self.config.earliest is not None:
            outside = outside | (t[schema.TIMESTAMP] < ibis.literal(_utc(self.config.earliest)))
        if self.config.latest is not None:
            outside = outside | (t[schema.TIMESTAMP] > ibis.literal(_utc(self.config.latest)))
        return outside


def _utc(at: datetime) -> datetime:
    """The same moment in UTC without a zone; a time without a zone is UTC already."""
    return at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)
