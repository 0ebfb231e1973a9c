"""Bots: users whose events come faster than any person's.

Use it for views, clicks and carts of a web shop: crawlers, price robots and stuck retries would otherwise lead every
count. A user is a bot from the first minute or day (UTC) on in which the events of the types named exceed a limit, or
in which one item is hit again and again; what came before stays, for a history may not know what comes after it. Where
the shop stores days but no hours, all of a day's events share a minute: set the minute limits to null there.
Cost: two hash aggregates over the events of the types named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, row_count, totals
from components.data.engine import unix_seconds

if TYPE_CHECKING:
    from ibis import Table

SINCE, UNTIL = "bot_since", "bot_until"
MINUTE_S, DAY_S = 60, 86_400


class BotsConfig(Config):
    """Rates no person reaches; null switches a limit off."""

    event_types: tuple[str, ...] = Field((schema.VIEW, schema.CLICK, schema.CART), min_length=1)
    max_per_minute: int | None = Field(120, ge=1)
    max_per_day: int | None = Field(5000, ge=1)
    max_same_item_per_minute: int | None = Field(30, ge=1)
    drop: Literal["from_then_on", "window"] = Field(
        "from_then_on", description="all later events of the user, or only those of the minute or day"
    )


class Bots(Cleaner):
    """No events of robots."""

    Config = BotsConfig
    version = 1

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Interactions without events of robots."""
        name = schema.INTERACTIONS_TABLE
        interactions = tables[name]
        excess = self.excess(interactions)
        if excess is None:
            return Cleaned()
        spans = work.stored("excess", name, excess)
        users = totals(spans, {"users": spans[schema.USER_ID].nunique()})["users"]
        kept = work.stored("no_bots", name, self._without(interactions, spans)) if users else interactions
        dropped = row_count(interactions) - row_count(kept) if users else 0
        effects = (
            Effect(name, "of_bots", dropped, "rows dropped: events of robots"),
            Effect(name, "bots", users, "users found to be robots"),
        )
        return Cleaned({name: kept} if users else {}, effects)

    def excess(self, interactions: Table) -> Table | None:
        """user_id, first and end second (unix) of every minute or day beyond a limit; None without limits."""
        import ibis

        c = self.config
        events = interactions.filter(interactions[schema.EVENT_TYPE].isin(c.event_types))
        found = [
            _beyond(events, seconds, limit, keys)
            for seconds, limit, keys in (
                (MINUTE_S, c.max_per_minute, ()),
                (DAY_S, c.max_per_day, ()),
                (MINUTE_S, c.max_same_item_per_minute, (schema.ITEM_ID,)),
            )
            if limit is not None
        ]
        return ibis.union(*found, distinct=True) if len(found) > 1 else (found[0] if found else None)

    def _without(self, interactions: Table, spans: Table) -> Table:
        columns = interactions.columns
        at = unix_seconds(interactions[schema.TIMESTAMP])
        if self.config.drop == "window":
            user = interactions[schema.USER_ID] == spans[schema.USER_ID]
            return interactions.anti_join(spans, [user, at >= spans[SINCE], at < spans[UNTIL]])
        first = spans.group_by(bot_user=spans[schema.USER_ID]).agg(**{SINCE: spans[SINCE].min()})
        joined = interactions.left_join(first, interactions[schema.USER_ID] == first.bot_user)
        return joined.filter(joined[SINCE].isnull() | (unix_seconds(joined[schema.TIMESTAMP]) < joined[SINCE])).select(
            *columns
        )


def _beyond(events: Table, seconds: int, limit: int, keys: tuple[str, ...]) -> Table:
    """Users and spans of so many seconds that hold more events than the limit."""
    timed = events.mutate(**{SINCE: (unix_seconds(events[schema.TIMESTAMP]) // seconds) * seconds})
    counted = timed.group_by(schema.USER_ID, SINCE, *keys).agg(n=timed.count())
    beyond = counted.filter(counted.n > limit)
    return beyond.select(schema.USER_ID, SINCE, **{UNTIL: beyond[SINCE] + seconds})
