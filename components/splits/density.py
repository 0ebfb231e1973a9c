"""The dense part of a history: what models are fitted on. Its limits are counted on the history alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.core import schema
from components.data import engine

if TYPE_CHECKING:
    from ibis import Table

    from components.splits.splitter import SplitConfig

PAIR = (schema.USER_ID, schema.ITEM_ID)


def dense(pairs: Table, config: SplitConfig) -> tuple[Table, Table]:
    """The users and items left without items of too few users, and then without users of too few items.

    pairs    distinct PAIRs of a history, computed already: they are looked through several times
    Returns  a table of user_id and one of item_id, each id once; the dense part of the history is what holds both
    """
    per_item = pairs.group_by(schema.ITEM_ID).agg(n=pairs.count())
    popular = engine.held(per_item.filter(per_item.n >= config.min_users_per_item))
    kept = pairs.semi_join(popular, schema.ITEM_ID)
    users = engine.held(_enough(kept, config))
    return users, kept.semi_join(users, schema.USER_ID).select(schema.ITEM_ID).distinct()


def active(events: Table, config: SplitConfig) -> Table:
    """The events of users who have enough distinct items in them."""
    return events.semi_join(engine.held(_enough(events.select(*PAIR).distinct(), config)), schema.USER_ID)


def _enough(pairs: Table, config: SplitConfig) -> Table:
    """The users of enough pairs."""
    per_user = pairs.group_by(schema.USER_ID).agg(n=pairs.count())
    return per_user.filter(per_user.n >= config.min_items_per_user).select(schema.USER_ID)
