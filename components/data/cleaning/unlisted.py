"""Unlisted items: what was sold but is not in the shop's item table gets a row of its own.

Use it always: catalogues lag behind tills. The title says what it is. Cost: one distinct over the interactions' items.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, row_count

if TYPE_CHECKING:
    from ibis import Table


class UnlistedConfig(Config):
    """No options."""


class Unlisted(Cleaner):
    """A row for every item of the interactions."""

    Config = UnlistedConfig
    version = 1
    required = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """The items with one more row per unlisted one."""
        items = tables[schema.ITEMS_TABLE]
        rows = work.stored("unlisted", schema.ITEMS_TABLE, stubs(tables[schema.INTERACTIONS_TABLE], items))
        count = row_count(rows)
        effect = Effect(schema.ITEMS_TABLE, "stubs", count, "rows added: items that were sold but not listed")
        return Cleaned({schema.ITEMS_TABLE: items.union(rows)} if count else {}, (effect,))


def stubs(interactions: Table, items: Table) -> Table:
    """An item row for every item that was sold but that the items lack: its id, and a title that says so."""
    import ibis

    unlisted = interactions.select(schema.ITEM_ID).distinct().anti_join(items, schema.ITEM_ID)
    title = ibis.literal("Unlisted item ") + unlisted[schema.ITEM_ID]
    given = {schema.ITEM_ID: unlisted[schema.ITEM_ID], schema.TITLE: title}
    kinds = items.schema()
    given |= {c: ibis.literal(False) for c, kind in kinds.items() if kind.is_boolean()}  # an indicator of a filled gap
    return unlisted.select(**{c: given.get(c, ibis.null(kinds[c])) for c in items.columns})
