"""Defaults: what every later step may rely on is filled in.

Quantity 1, discounts 0, a basket per user and second where the shop names none, a title per item, "unknown" for missing
category words and user attributes. Free texts, media and attributes stay missing. Use it always. Cost: one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, blank, maybe_blank, totals
from components.data.engine import unix_seconds

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue

NUMBERS = {schema.QUANTITY: 1.0, schema.DISCOUNT: 0.0, schema.COUPON_DISCOUNT: 0.0}
# Words that name a group. A description, a picture's path or a JSON object is not one: "unknown" would be a lie there.
MARKED = {
    schema.ITEMS_TABLE: (
        schema.DEPARTMENT,
        schema.CATEGORY,
        schema.SUBCATEGORY,
        schema.BRAND,
        schema.MANUFACTURER_ID,
        schema.PACKAGE_SIZE,
    ),
    schema.USERS_TABLE: tuple(c for c in schema.USERS if c not in (schema.USER_ID, schema.ATTRIBUTES)),
}


class DefaultsConfig(Config):
    """No options: later steps rest on these values."""


class Defaults(Cleaner):
    """Declared values where there are none."""

    Config = DefaultsConfig
    version = 1
    required = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Interactions, items and users with their defaults; only columns the source gave are counted."""
        filled, effects = {}, []
        for name, table in tables.items():
            gaps = self._gaps(name, table)
            if name == schema.INTERACTIONS_TABLE:
                gaps = _needed(table, gaps, work.given.get(name, ()))
            if gaps:
                filled[name] = table.mutate(**gaps)
                effects += _effects(name, table, [c for c in gaps if c in work.given.get(name, ())])
        return Cleaned(filled, tuple(effects))

    def _gaps(self, name: str, table: Table) -> dict[str, object]:
        if name == schema.INTERACTIONS_TABLE:
            return {c: table[c].fill_null(value) for c, value in NUMBERS.items()} | {
                schema.SESSION_ID: blank(table, schema.SESSION_ID).ifelse(basket(table), table[schema.SESSION_ID])
            }
        gaps = {c: text(table, c).coalesce(schema.UNKNOWN_TEXT) for c in MARKED.get(name, ())}
        return gaps | ({schema.TITLE: title(table)} if name == schema.ITEMS_TABLE else {})


def _needed(table: Table, gaps: dict[str, object], given: tuple[str, ...]) -> dict[str, object]:
    """The columns that have gaps: a long table is not rewritten where there is nothing to fill."""
    doubtful = {c: maybe_blank(table, c) if table[c].type().is_string() else table[c].isnull() for c in gaps}
    found = totals(table, {c: doubtful[c].sum() for c in gaps if c in given})
    return {c: value for c, value in gaps.items() if found.get(c, 1)}


def text(table: Table, column: str) -> StringValue:
    """A text without spaces around it, missing where nothing is left."""
    return table[column].strip().nullif("")


def basket(interactions: Table) -> StringValue:
    """One basket per user and second."""
    import ibis

    second = unix_seconds(interactions[schema.TIMESTAMP]).cast("string")
    return interactions[schema.USER_ID] + ibis.literal("@") + second


def title(items: Table) -> StringValue:
    """The item's title, or "Item <id>"."""
    import ibis

    return text(items, schema.TITLE).coalesce(ibis.literal(schema.TITLE_BEFORE_ID) + items[schema.ITEM_ID])


def _effects(name: str, table: Table, given: list[str]) -> list[Effect]:
    gaps = {c: (text(table, c) if table[c].type().is_string() else table[c]).isnull().sum() for c in given}
    words = {c: f"missing values of {c} filled with the default" for c in given}
    words |= {c: f"missing or blank {c} marked as {schema.UNKNOWN_TEXT}" for c in MARKED.get(name, ())}
    kind = {c: "unknown" if c in MARKED.get(name, ()) else "default" for c in given}
    return [Effect(name, f"{kind[c]}_{c}", n, words[c]) for c, n in totals(table, gaps).items() if n]
