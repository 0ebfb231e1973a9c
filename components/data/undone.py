"""What cancellations took back, kept so that a history holds what was known at its cut-off and nothing later.

A purchase of March that is cancelled in June is no purchase for somebody who looks in July, and still one for somebody
who looks in May. Clean removes it; `as_of` puts it back where the cut-off lies between the two.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.data import engine

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends import BaseBackend

UNDONE = "undone.parquet"  # beside the clean tables, where anything was undone
UNDONE_AT = "undone_at"
AMOUNTS = (schema.QUANTITY, schema.VALUE, schema.DISCOUNT, schema.COUPON_DISCOUNT)
LINE = (schema.USER_ID, schema.ITEM_ID, schema.EVENT_TYPE, schema.TIMESTAMP, schema.SESSION_ID)


def parted(interactions: Table) -> tuple[Table, Table | None]:
    """Interactions that still stand, and those that were undone (None if none could be).

    interactions  with a column `undone_at`, missing where the event stands, once cancellations were matched
    """
    if UNDONE_AT not in interactions.columns:
        return interactions, None
    gone = interactions[UNDONE_AT].notnull()
    return interactions.filter(~gone).drop(UNDONE_AT), interactions.filter(gone)


def read_undone(con: BaseBackend, folder: Path) -> Table | None:
    """What was undone, or None; `folder` holds the clean tables."""
    file = Path(folder) / UNDONE
    return engine.read_parquet(con, file) if file.is_file() else None


def as_of(interactions: Table, undone: Table | None, cutoff: datetime) -> Table:
    """The interactions before a cut-off as they were known then.

    interactions  clean ones, any times
    undone        from `read_undone`; None where nothing was undone
    cutoff        UTC; purchases before it that were undone at or after it are whole again
    """
    import ibis

    before = interactions.filter(interactions[schema.TIMESTAMP] < ibis.literal(cutoff))
    if undone is None:
        return before
    at = ibis.literal(cutoff)
    late = undone.filter((undone[schema.TIMESTAMP] < at) & (undone[UNDONE_AT] >= at)).select(*interactions.columns)
    same = before.semi_join(late, LINE)  # the rest of a purchase of which only a part was undone
    return before.anti_join(late, LINE).union(_merged(same.union(late)))


def _merged(lines: Table) -> Table:
    """One line per purchase, amounts added up."""
    others = [c for c in lines.columns if c not in LINE and c not in AMOUNTS]
    sums = {c: lines[c].sum() for c in AMOUNTS if c in lines.columns}
    merged = lines.group_by(*LINE).agg(**sums, **{c: lines[c].max() for c in others})
    return merged.select(*lines.columns)
