"""The dense part of a history: what models are fitted on. Its limits are counted on the history alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.core import schema
from components.data import engine

if TYPE_CHECKING:
    from ibis import Table

    from components.splits.splitter import SplitConfig


def dense(history: Table, config: SplitConfig) -> Table:
    """History without items too few users bought, and then without users who have too few distinct items."""
    per_item = history.group_by(schema.ITEM_ID).agg(n=history[schema.USER_ID].nunique())
    popular = engine.held(per_item.filter(per_item.n >= config.min_users_per_item))
    kept = history.semi_join(popular, schema.ITEM_ID)
    return active(kept, config)


def active(events: Table, config: SplitConfig) -> Table:
    """The events of users who have enough distinct items in them."""
    per_user = events.group_by(schema.USER_ID).agg(n=events[schema.ITEM_ID].nunique())
    enough = engine.held(per_user.filter(per_user.n >= config.min_items_per_user))
    return events.semi_join(enough, schema.USER_ID)
