"""Cleaning: accepted canonical tables → clean ones, as Ibis expressions, with a count for every effect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.data.engine import EngineConfig

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue

    Keep = Callable[[str, Table], Table]

UNKNOWN_TEXT = "unknown"


class CleanConfig(Config):
    """Section `clean` of params.yaml."""

    keep_one_household_in: int = Field(
        1, ge=1, le=1_000_000, description="10 keeps every tenth user, by hash of the id"
    )
    volume_categories: tuple[str, ...] = Field(
        (), description="the shop's categories with goods sold by volume, counted in small parts"
    )
    volume_quantity_above: float = Field(100, gt=0, description="beyond it a quantity in them is a volume, made 1")
    engine: EngineConfig = EngineConfig()


@dataclass(frozen=True)
class Cleaned:
    """Clean tables by name, and the number of rows (or values) that each effect touched, by effect."""

    tables: dict[str, Table]
    counts: dict[str, int]


def clean_tables(tables: dict[str, Table], config: CleanConfig, keep: Keep, aside: Table | None = None) -> Cleaned:
    """Clean the accepted tables: types, duplicates, sample of users, volumes, unlisted items, missing texts.

    keep   stores a table under a name and returns it, so that what is counted is not computed again
    aside  the quarantined items; lines and promotions of them are dropped, for the item may not come back as a stub
    """
    typed_tables = {name: keep(f"distinct_{name}", typed(name, table).distinct()) for name, table in tables.items()}
    counts = {f"{name}_duplicates": _rows(tables[name]) - _rows(table) for name, table in typed_tables.items()}
    users = kept_users(typed_tables[schema.INTERACTIONS_TABLE], config.keep_one_household_in)
    sampled = {name: of_users(table, users) for name, table in typed_tables.items()}
    counts["interactions_sampled_out"] = _rows(typed_tables[schema.INTERACTIONS_TABLE]) - _rows(
        sampled[schema.INTERACTIONS_TABLE]
    )
    held = {name: without_items(table, aside) for name, table in sampled.items()}
    interactions, items = held[schema.INTERACTIONS_TABLE], held[schema.ITEMS_TABLE]
    counts["interactions_of_quarantined_items"] = _rows(sampled[schema.INTERACTIONS_TABLE]) - _rows(interactions)
    volume = sold_by_volume(interactions, items, config)
    counts["interactions_volumes"] = _rows(interactions.filter(volume))
    unlisted = keep("unlisted", stubs(interactions, items))
    counts["items_stubs"] = _rows(unlisted)
    result = held | {
        schema.INTERACTIONS_TABLE: with_unit_quantity(interactions, volume),
        schema.ITEMS_TABLE: items.union(unlisted),
    }
    for name in {schema.ITEMS_TABLE, schema.USERS_TABLE} & set(result):
        counts |= {f"{name}_unknown_{column}": n for column, n in blanks(result[name]).items()}
        result[name] = filled(result[name])
    return Cleaned(result, counts)


def typed(name: str, table: Table) -> Table:
    """The canonical columns that a table has, in their order, each of its canonical type; -0.0 becomes 0.0.

    The two zeros are equal, so that which of them survives as a duplicate would be left to the engine.
    """
    given = [c for c in schema.COLUMNS[name] if c in table.columns]
    columns = {c: table[c].cast(schema.column_type(c)) for c in given}
    return table.select(**{c: (v == 0).ifelse(0.0, v) if v.type().is_floating() else v for c, v in columns.items()})


def kept_users(interactions: Table, one_in: int) -> list[str] | None:
    """Users that a sample of one in `one_in` keeps, or None for all; a user's fate hangs on the id alone."""
    if one_in == 1:
        return None
    ids = interactions.select(schema.USER_ID).distinct()[schema.USER_ID].to_pyarrow().to_pylist()
    return sorted(user for user in ids if _bucket(user, one_in) == 0)


def of_users(table: Table, users: list[str] | None) -> Table:
    """The rows of some users; a table without users, or users None, stays whole."""
    import ibis

    if users is None or schema.USER_ID not in table.columns:
        return table
    return table.semi_join(ibis.memtable({schema.USER_ID: users}, schema={schema.USER_ID: "string"}), schema.USER_ID)


def without_items(table: Table, aside: Table | None) -> Table:
    """The table without rows of items set aside; a table without items, or nothing aside, stays whole."""
    if aside is None or schema.ITEM_ID not in table.columns:
        return table
    return table.anti_join(aside, schema.ITEM_ID)


def sold_by_volume(interactions: Table, items: Table, config: CleanConfig) -> BooleanValue:
    """True for lines whose quantity is a volume: a large quantity in a volume category."""
    by_volume = items.filter(items[schema.CATEGORY].isin(config.volume_categories))[schema.ITEM_ID]
    large = interactions[schema.QUANTITY] > config.volume_quantity_above
    return large & interactions[schema.ITEM_ID].isin(by_volume)


def with_unit_quantity(interactions: Table, volume: BooleanValue) -> Table:
    """The interactions with quantity 1 where `volume` is true: one filled tank is one purchase."""
    return interactions.mutate(**{schema.QUANTITY: volume.ifelse(1.0, interactions[schema.QUANTITY])})


def stubs(interactions: Table, items: Table) -> Table:
    """An item row for every item that was sold but that the source's table lacks: its id, and a title that says so."""
    import ibis

    unlisted = interactions.select(schema.ITEM_ID).distinct().anti_join(items, schema.ITEM_ID)
    title = ibis.literal("Unlisted item ") + unlisted[schema.ITEM_ID]
    given = {schema.ITEM_ID: unlisted[schema.ITEM_ID], schema.TITLE: title}
    return unlisted.select(**{c: given.get(c, ibis.null(schema.column_type(c))) for c in items.columns})


def filled(table: Table) -> Table:
    """The table with "unknown" for missing or blank texts."""
    return table.mutate(**{c: table[c].strip().nullif("").coalesce(UNKNOWN_TEXT) for c in _texts(table)})


def blanks(table: Table) -> dict[str, int]:
    """Number of missing or blank texts by column, where there are any."""
    counts = {c: table[c].strip().nullif("").isnull().sum().coalesce(0) for c in _texts(table)}
    (found,) = table.agg(**counts).to_pyarrow().to_pylist()
    return {column: n for column, n in found.items() if n}


def _texts(table: Table) -> list[str]:
    return [name for name, kind in table.schema().items() if kind.is_string()]


def _rows(table: Table) -> int:
    return int(table.count().execute())


def _bucket(user_id: str, buckets: int) -> int:
    return int.from_bytes(hashlib.sha256(user_id.encode()).digest()[:8], "big") % buckets
