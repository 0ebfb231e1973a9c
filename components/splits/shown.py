"""A fold's exposures: what was shown before its cut-off, and what of it had been clicked by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.core.exposures import Exposures
from components.data.engine import unix_seconds
from components.splits.store import looked_up

if TYPE_CHECKING:
    from ibis import Table

    from components.core.dataset import Dataset

CLICK = "click"  # the event type that answers an exposure
CLICKED, AT = "clicked", "at"
KEY = [schema.REQUEST_ID, schema.ITEM_ID]


@dataclass(frozen=True)
class Shown:
    """The shop's log: canonical exposures and interactions, of any time."""

    exposures: Table
    interactions: Table


def exposures_of(shown: Shown, data: Dataset) -> Exposures | None:
    """What users saw before the data set's moment; None where nothing was shown.

    An exposure was clicked where a click names its request and its item and happened before that moment too. Items that
    the catalogue does not hold are left out.
    """
    log, events = (before(table, data.now) for table in (shown.exposures, shown.interactions))
    clicks = events.filter(events[schema.EVENT_TYPE] == CLICK, events[schema.REQUEST_ID].notnull())
    clicks = clicks.select(*KEY).distinct().mutate(**{CLICKED: True})
    log = log.select(
        *KEY, schema.USER_ID, schema.POSITION, schema.PROPENSITY, **{AT: unix_seconds(log[schema.TIMESTAMP])}
    )
    joined = log.left_join(clicks, KEY)
    joined = joined.select(*log.columns, **{CLICKED: joined[CLICKED].fill_null(False)})
    found = joined.order_by(AT, schema.REQUEST_ID, schema.POSITION, schema.ITEM_ID).to_pyarrow()
    items = looked_up(found[schema.ITEM_ID], data.items)
    if not (items >= 0).any():
        return None
    everything = Exposures(
        looked_up(found[schema.USER_ID], data.users),
        items.astype(np.int32),
        found[schema.POSITION].to_numpy().astype(np.int32),
        found[schema.PROPENSITY].to_numpy().astype(np.float32),
        found[CLICKED].to_numpy(),
        found[AT].to_numpy().astype(np.int64),
    )
    return everything.keep(items >= 0)


def before(table: Table, now: int) -> Table:
    """Rows that happened before a moment, unix seconds."""
    return table.filter(unix_seconds(table[schema.TIMESTAMP]) < now)
