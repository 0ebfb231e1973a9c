"""Sample: only every n-th user, for a quick look at a large shop.

A user's fate hangs on the id alone, so that the same users stay from day to day and in every table. It is a quick look,
not a result: items that few users bought vanish. Cost: the list of users in memory, and only where it is on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, row_count

if TYPE_CHECKING:
    from ibis import Table


class SampleConfig(Config):
    """How many users stay."""

    keep_one_user_in: int = Field(1, ge=1, le=1_000_000, description="10 keeps every tenth user, by hash of the id")


class Sample(Cleaner):
    """Every n-th user."""

    Config = SampleConfig
    version = 1
    default = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """The rows of the users that stay, in every table that has users."""
        one_in = self.config.keep_one_user_in
        interactions = tables[schema.INTERACTIONS_TABLE]
        if one_in == 1:
            return Cleaned(effects=(_effect(0),))
        users = kept_users(interactions, one_in)
        sampled = {name: of_users(table, users) for name, table in tables.items() if schema.USER_ID in table.columns}
        out = row_count(interactions) - row_count(sampled[schema.INTERACTIONS_TABLE])
        return Cleaned(sampled, (_effect(out),))


def kept_users(interactions: Table, one_in: int) -> list[str]:
    """Sorted ids of the users that stay."""
    ids = interactions.select(schema.USER_ID).distinct()[schema.USER_ID].to_pyarrow().to_pylist()
    return sorted(user for user in ids if _bucket(user, one_in) == 0)


def of_users(table: Table, users: list[str]) -> Table:
    """The rows of some users."""
    import ibis

    return table.semi_join(ibis.memtable({schema.USER_ID: users}, schema={schema.USER_ID: "string"}), schema.USER_ID)


def _effect(count: int) -> Effect:
    return Effect(schema.INTERACTIONS_TABLE, "sampled_out", count, "rows dropped: users outside the sample")


def _bucket(user_id: str, buckets: int) -> int:
    return int.from_bytes(hashlib.sha256(user_id.encode()).digest()[:8], "big") % buckets
