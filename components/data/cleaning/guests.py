"""Guests: events without a user, which have a session only.

Use `drop` where sessions are short and nobody is served by session; `session` makes every session a user of its own,
"guest:<session>", for shops that recommend to visitors they do not know. Cost: one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from components.core import schema
from components.core.config import Config
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, maybe_blank, totals

if TYPE_CHECKING:
    from ibis import Table

PREFIX = "guest:"


class GuestsConfig(Config):
    """policy: `drop` their events, or let each `session` stand for a user."""

    policy: Literal["drop", "session"] = "drop"


class Guests(Cleaner):
    """Nobody's events are dropped, or a session's user's."""

    Config = GuestsConfig
    version = 1
    required = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Interactions that all have a user."""
        import ibis

        interactions = tables[schema.INTERACTIONS_TABLE]
        doubtful = totals(interactions, {"n": maybe_blank(interactions, schema.USER_ID).sum()})["n"]
        user = interactions[schema.USER_ID].strip().nullif("")
        session = interactions[schema.SESSION_ID].strip().nullif("")
        asked = {"guests": user.isnull().sum(), "nobody": (user.isnull() & session.isnull()).sum()}
        found = totals(interactions, asked) if doubtful else dict.fromkeys(asked, 0)
        count, nobody = found["guests"], found["nobody"]
        if self.config.policy == "drop":
            effects = (Effect(schema.INTERACTIONS_TABLE, "guests_dropped", count, "rows dropped: guests, no user"),)
            kept = interactions.filter(user.notnull())
        else:
            words = f"rows given the user {PREFIX}<session>"
            effects = (
                Effect(schema.INTERACTIONS_TABLE, "guests_by_session", count - nobody, words),
                Effect(schema.INTERACTIONS_TABLE, "nobody_dropped", nobody, "rows dropped: neither user nor session"),
            )
            named = ibis.cases((user.notnull(), interactions[schema.USER_ID]), else_=ibis.literal(PREFIX) + session)
            kept = interactions.mutate(**{schema.USER_ID: named})
            kept = kept.filter(kept[schema.USER_ID].notnull())
        return Cleaned({schema.INTERACTIONS_TABLE: kept} if count else {}, effects)
