"""Duplicates: exact copies of a row, and events that were sent twice.

Use it always: retried exports and double clicks would count as interest. An exact copy agrees in every canonical
column. A re-send is the same user, item, event type and time with other details; it is judged only for the event types
named, because a receipt may hold one item on two lines. The first by `keep_first_by` stays, then by the other columns
in the schema's order, so that the same rows stay whatever order they came in.
Cost: a hash of every row; a sort of the events of the types named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.data import engine
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, check_columns, row_count

if TYPE_CHECKING:
    from ibis import Table

RANK = "resend_rank"
DESCENDING = "-"


class DuplicatesConfig(Config):
    """Which events can be re-sends, and which of them stays."""

    resent: tuple[str, ...] = Field(
        (schema.VIEW, schema.CLICK, schema.CART, schema.RATING),
        description="event types of which a user can have one per item and time",
    )
    keep_first_by: tuple[str, ...] = Field(
        (), max_length=8, description="columns of interactions, '-quantity' for the largest first"
    )


class Duplicates(Cleaner):
    """One row for one event."""

    Config = DuplicatesConfig
    version = 1
    default = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """All tables without copies, interactions also without re-sends."""
        columns = [name.removeprefix(DESCENDING) for name in self.config.keep_first_by]
        check_columns("duplicates: keep_first_by", schema.INTERACTIONS_TABLE, columns)
        distinct, effects = {}, []
        for name, table in tables.items():
            once = engine.distinct(table)
            distinct[name] = once if once is table else work.stored("distinct", name, once)
            dropped = 0 if once is table else row_count(table) - row_count(distinct[name])
            effects.append(Effect(name, "duplicates", dropped, "rows dropped: exact copies of another"))
        interactions = distinct[schema.INTERACTIONS_TABLE]
        once, dropped = self._once(interactions, work)
        words = "rows dropped: the same user, item, type and time was sent before"
        effects.append(Effect(schema.INTERACTIONS_TABLE, "resends", dropped, words))
        return Cleaned(distinct | {schema.INTERACTIONS_TABLE: once}, tuple(effects))

    def _once(self, interactions: Table, work: Work) -> tuple[Table, int]:
        can_be = interactions[schema.EVENT_TYPE].isin(self.config.resent)
        concerned = row_count(interactions.filter(can_be)) if self.config.resent else 0
        if not concerned:
            return interactions, 0
        ranked = self.ranked(interactions.filter(can_be))
        first = work.stored("first_sent", schema.INTERACTIONS_TABLE, ranked.filter(ranked[RANK] == 0).drop(RANK))
        return interactions.filter(~can_be).union(first), concerned - row_count(first)

    def ranked(self, events: Table) -> Table:
        """The events with their place (from 0) among those of the same user, item, type and time."""
        import ibis

        somebody = events[schema.USER_ID].coalesce(ibis.literal("\n") + events[schema.SESSION_ID])
        same = [somebody, *(events[c] for c in (schema.ITEM_ID, schema.EVENT_TYPE, schema.TIMESTAMP))]
        declared = [
            events[name[1:]].desc() if name.startswith(DESCENDING) else events[name].asc()
            for name in self.config.keep_first_by
        ]
        named = {name.removeprefix(DESCENDING) for name in self.config.keep_first_by}
        order = [*declared, *(events[c].asc() for c in events.columns if c not in named)]
        return events.mutate(**{RANK: ibis.row_number().over(ibis.window(group_by=same, order_by=order))})
