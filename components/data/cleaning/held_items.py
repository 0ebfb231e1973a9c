"""Held items: lines and promotions of items in quarantine.

Use it always: an item that was set aside for a reason may not come back through its sales.
Cost: one join with a few ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, row_count

if TYPE_CHECKING:
    from ibis import Table


class HeldItemsConfig(Config):
    """No options: what is in quarantine is decided by the suites in expectations/."""


class HeldItems(Cleaner):
    """Nothing of an item that is in quarantine."""

    Config = HeldItemsConfig
    version = 1
    required = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Every table without rows of quarantined items."""
        if work.aside is None:
            return Cleaned(effects=(_effect(0),))
        held = work.aside.select(schema.ITEM_ID).distinct()
        kept = {
            name: table.anti_join(held, schema.ITEM_ID)
            for name, table in tables.items()
            if schema.ITEM_ID in table.columns
        }
        interactions = tables[schema.INTERACTIONS_TABLE]
        dropped = row_count(interactions) - row_count(kept[schema.INTERACTIONS_TABLE])
        return Cleaned(kept, (_effect(dropped),))


def _effect(count: int) -> Effect:
    words = "rows dropped: their item is in quarantine"
    return Effect(schema.INTERACTIONS_TABLE, "of_quarantined_items", count, words)
