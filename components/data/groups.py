"""Rules of cleaners speak of a number "by" a text: which rows form a group, and which of them may teach.

A group of interactions is one event type (a rating is not money) and one word of a column of theirs or of their items.
Only the reference window teaches: events before it ends, and items that were sold before it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import ConfigError
from components.data.cleaner import Work

if TYPE_CHECKING:
    from ibis import Table

GROUP, KIND, OF_ITEM = "rule_group", "rule_kind", "rule_item"


def check_by(name: str, by: str | None, where: str) -> None:
    """ConfigError unless rows of the table can be grouped by that column."""
    beside = schema.ITEMS if name == schema.INTERACTIONS_TABLE else ()
    if by is None or (by in (*schema.COLUMNS[name], *beside) and schema.column_type(by) == "string"):
        return
    raise ConfigError(f"{where}: by: '{by}' is no text column of {name}{' or items' if beside else ''}.")


def grouped(tables: Mapping[str, Table], name: str, by: str | None) -> Table:
    """A table with KIND (its event type, "" for other tables) and GROUP (the word of `by`, "" where there is none)."""
    import ibis

    table = tables[name]
    if by is None:
        group = ibis.literal("")
    elif by in table.columns:
        group = table[by].fill_null("")
    else:
        items = tables[schema.ITEMS_TABLE]
        words = items.group_by(**{OF_ITEM: items[schema.ITEM_ID]}).agg(**{GROUP: items[by].max()})
        joined = table.left_join(words, table[schema.ITEM_ID] == words[OF_ITEM])
        return _with_kind(joined.mutate(**{GROUP: joined[GROUP].fill_null("")}).drop(OF_ITEM))
    return _with_kind(table.mutate(**{GROUP: group}))


def taught(table: Table, tables: Mapping[str, Table], name: str, work: Work) -> Table:
    """The rows of a table that statistics may be taken from."""
    import ibis

    interactions = tables[schema.INTERACTIONS_TABLE]
    end = ibis.literal(work.reference(interactions))
    if name == schema.INTERACTIONS_TABLE:
        return table.filter(table[schema.TIMESTAMP] < end)
    early = interactions.filter(interactions[schema.TIMESTAMP] < end)
    key = schema.ITEM_ID if name == schema.ITEMS_TABLE else schema.USER_ID
    return table.semi_join(early, key)


def with_statistics(table: Table, narrow: Table, wide: Table, columns: tuple[str, ...]) -> Table:
    """Statistics of each row's group, or of all rows of its kind where the group has none.

    narrow  columns KIND, GROUP and `columns`
    wide    columns KIND and `columns`
    """
    narrow = narrow.select(
        narrow_kind=narrow[KIND], narrow_group=narrow[GROUP], **{f"{c}_near": narrow[c] for c in columns}
    )
    wide = wide.select(wide_kind=wide[KIND], **{f"{c}_far": wide[c] for c in columns})
    near = table.left_join(narrow, [table[KIND] == narrow.narrow_kind, table[GROUP] == narrow.narrow_group])
    far = near.left_join(wide, near[KIND] == wide.wide_kind)
    return far.mutate(**{c: far[f"{c}_near"].coalesce(far[f"{c}_far"]) for c in columns}).select(
        *table.columns, *columns
    )


def _with_kind(table: Table) -> Table:
    import ibis

    kind = table[schema.EVENT_TYPE] if schema.EVENT_TYPE in table.columns else ibis.literal("")
    return table.mutate(**{KIND: kind})
