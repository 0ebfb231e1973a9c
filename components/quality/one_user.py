"""One user: whether a single user holds half of a table's events, as a robot, a till or a forgotten default id does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.quality.verdict import NOT_GIVEN, NOTHING, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibis import Table

EVENT_TABLES = (schema.INTERACTIONS_TABLE, schema.EXPOSURES_TABLE)


class OneUserConfig(Config):
    """Section `validate.one_user` of params.yaml: how much of a table's events one user may hold."""

    share: float = Field(0.5, gt=0, le=1, description="of the rows; a user with so many, or more, is told of")
    min_events: int = Field(40, ge=2, le=1_000_000_000, description="a table with fewer is not judged")
    outcome: Literal["warn", "stop"] = "warn"


def one_user(tables: Mapping[str, Table], config: OneUserConfig) -> list[Verdict]:
    """A verdict on every table of events; no row is changed or set aside, and nobody is named.

    tables  canonical rows by name; rows without a user are guests, and count as events of nobody
    """
    return [_judged(name, tables[name], config) for name in EVENT_TABLES if name in tables]


def _judged(name: str, events: Table, config: OneUserConfig) -> Verdict:
    said = (
        name,
        "not_one_user",
        config.outcome,
        f"no user holds {config.share:.0%} or more of the events",
        "a robot, a till or a default id among people would lead every count; drop it, by clean.cleaners.bots for one",
    )
    if schema.USER_ID not in events.columns:
        return Verdict(*said, holds=True, unjudged=NOT_GIVEN)
    by_user = events.group_by(schema.USER_ID).agg(events=events.count())
    named = by_user[schema.USER_ID].notnull() & (by_user[schema.USER_ID] != "")
    found = by_user.agg(rows=by_user.events.sum(), most=by_user.events.max(where=named))
    (counts,) = found.to_pyarrow().to_pylist()
    rows, most = int(counts["rows"] or 0), int(counts["most"] or 0)
    if rows < config.min_events:
        few = f"fewer than {config.min_events} events"
        return Verdict(*said, holds=True, evaluated=0, observed=few, unjudged=NOTHING)
    holds = most < config.share * rows
    observed = "" if holds else f"one user has {most:,} of {rows:,} events"
    return Verdict(*said, holds=holds, evaluated=rows, unexpected=0 if holds else most, observed=observed)
