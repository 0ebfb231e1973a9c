"""The reference window: the early part of the events, the only part that cleaning takes statistics from.

Clean runs before the split. A median over all events would tell a history what the test window holds; so statistics
end here, and split refuses a cut-off that lies before it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.bundle import read_json, write_json
from components.core.errors import DataError

if TYPE_CHECKING:
    from ibis import Table

REFERENCE = "reference.json"  # in clean/, where a cleaner took statistics
BEFORE = "before"


def reference_end(interactions: Table, share: float) -> datetime:
    """The midnight (UTC) at or before that share of the time span; statistics use events before it.

    Raises DataError if the interactions are empty or their first day is not over by then.
    """
    at = interactions[schema.TIMESTAMP]
    (row,) = interactions.aggregate(first=at.min(), last=at.max()).to_pyarrow().to_pylist()
    first, last = row["first"], row["last"]
    if first is None:
        raise DataError("clean: no interaction is left to take statistics from; see what clean/report.html counts.")
    end = (first + (last - first) * share).replace(hour=0, minute=0, second=0, microsecond=0)
    if end < first + timedelta(days=1):
        raise DataError(
            f"clean: the events run from {first:%Y-%m-%d} to {last:%Y-%m-%d}, too short to take statistics from; "
            "bring more days, or switch off clean.cleaners.outliers and the fills of clean.cleaners.missing that need "
            "them."
        )
    return end


def write_reference(folder: Path, end: datetime) -> None:
    """Leave word beside the clean tables of where their statistics end."""
    write_json(folder / REFERENCE, {BEFORE: end.isoformat()})


def check_cutoff(folder: Path, cutoff: datetime) -> None:
    """DataError if the clean tables in `folder` took statistics from events at or after a cut-off (UTC)."""
    file = Path(folder) / REFERENCE
    if not file.is_file():
        return
    end = datetime.fromisoformat(read_json(file)[BEFORE])
    if cutoff < end:
        raise DataError(
            f"split: the cut-off {cutoff:%Y-%m-%d} lies before {end:%Y-%m-%d}, up to which clean took its statistics, "
            "so the history would know what comes after it; lower clean.reference_share in params.yaml."
        )
