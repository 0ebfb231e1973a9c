"""The newest file of a table that is a file per day (or week, or month), held against the files before it.

Files count as such a series where the newest one lies, on the mean of its times, after all that the others hold; a
late event in it does not change that. Files of several stores or kinds are no series, and are not compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.data.engine import unix_seconds
from components.quality.verdict import Verdict
from components.quality.volume import VolumeConfig

if TYPE_CHECKING:
    from ibis import Table


@dataclass(frozen=True)
class NewestFile:
    """The newest file of a series.

    rows    accepted rows in it
    before  accepted rows of the files before it, oldest first
    """

    name: str
    rows: int
    before: tuple[int, ...]

    def parted(self, lines: Table) -> tuple[Table, Table]:
        """The lines of the files before, and its own."""
        own = lines[schema.SOURCE_FILE] == self.name
        return lines.filter(~own), lines.filter(own)


def find(lines: Table) -> NewestFile | None:
    """The newest file of the interactions; None where they are no series, or do not say where they are from."""
    if schema.SOURCE_FILE not in lines.columns:
        return None
    named = lines.filter(lines[schema.SOURCE_FILE].notnull(), lines[schema.TIMESTAMP].notnull())
    grouped = named.mutate(at=unix_seconds(named[schema.TIMESTAMP])).group_by(schema.SOURCE_FILE)
    found = grouped.agg(rows=lambda t: t.count(), mean=lambda t: t.at.mean(), last=lambda t: t.at.max())
    files = sorted(found.to_pyarrow().to_pylist(), key=lambda file: (file["mean"], file[schema.SOURCE_FILE]))
    if len(files) < 2 or files[-1]["mean"] <= max(file["last"] for file in files[:-1]):
        return None
    *before, newest = files
    return NewestFile(newest[schema.SOURCE_FILE], newest["rows"], tuple(file["rows"] for file in before))


def volume(newest: NewestFile | None, config: VolumeConfig) -> list[Verdict]:
    """Whether the newest file has about as many rows as those before it."""
    if newest is None:
        return []
    usual = float(np.median(newest.before[-config.snapshots :]))
    low, high = usual * config.min_ratio, usual * config.max_ratio
    return [
        Verdict(
            schema.INTERACTIONS_TABLE,
            "newest_file_volume",
            config.outcome,
            f"the newest file has {low:,.0f} to {high:,.0f} rows",
            f"the files before it have {usual:,.0f}; far fewer is a day cut short, far more are two days in one",
            holds=low <= newest.rows <= high,
            observed=f"{newest.name}: {newest.rows:,} rows",
        )
    ]
