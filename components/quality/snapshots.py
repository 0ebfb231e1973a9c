"""Snapshots: what is remembered of data that were accepted before, so that new data can be held against them.

artifacts/snapshots/<number>-<digest>/snapshot.json   rows and newest time of every table
                                      sample.parquet  the columns of `windows.described`, one row of lists

A snapshot holds no user and no row of anybody: only counts, times, and what lines, baskets and titles look like.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.core import bundle, schema
from components.core.errors import DataError

if TYPE_CHECKING:
    from ibis import Table

    Columns = dict[str, np.ndarray]

FACTS, SAMPLE = "snapshot.json", "sample.parquet"
KEPT = 20
DIGEST_LETTERS = 12
TIMES = {
    schema.INTERACTIONS_TABLE: schema.TIMESTAMP,
    schema.EXPOSURES_TABLE: schema.TIMESTAMP,
    schema.PROMOTIONS_TABLE: schema.WEEK_START,
}


@dataclass(frozen=True)
class Snapshot:
    """One accepted state of the data, or one part of it.

    digest  of the raw data; two snapshots of one digest are one
    rows    by canonical table
    newest  ISO time (UTC) of the newest row, of the tables that have times
    """

    digest: str
    rows: dict[str, int]
    newest: dict[str, str]

    @property
    def name(self) -> str:
        """What a person calls it: its newest day, and the start of its digest."""
        day = self.newest.get(schema.INTERACTIONS_TABLE, "")[:10]
        return f"{day} {self.digest[:6]}".strip()


def describe(tables: dict[str, Table], digest: str) -> Snapshot:
    """The facts of accepted canonical tables."""
    rows, newest = {}, {}
    for name, table in tables.items():
        asked = {"rows": table.count()}
        if name in TIMES:
            asked["newest"] = table[TIMES[name]].max()
        (found,) = table.agg(**asked).to_pyarrow().to_pylist()
        rows[name] = found["rows"]
        if found.get("newest") is not None:
            newest[name] = found["newest"].isoformat(sep=" ")
    return Snapshot(digest, rows, newest)


def earlier(folder: Path, digest: str) -> list[Snapshot]:
    """Snapshots of other data than `digest`, oldest first.

    Raises DataError if one was altered; it may be deleted, then it is forgotten.
    """
    return [s for s in map(_read, _folders(folder)) if s.digest != digest]


def newest_sample(folder: Path, digest: str) -> tuple[Snapshot, Columns] | None:
    """The newest snapshot of other data than `digest`, and what it looked like; None if there is none."""
    import pyarrow.parquet as pq

    for path in reversed(_folders(folder)):
        found = _read(path)
        if found.digest != digest and (path / SAMPLE).is_file():
            (row,) = pq.read_table(path / SAMPLE).to_pylist()
            return found, {name: np.asarray(values) for name, values in row.items()}
    return None


def remember(folder: Path, snapshot: Snapshot, sample: Columns | None = None) -> None:
    """Keep a snapshot as the newest, in the place of an older one of the same data; the oldest are forgotten."""
    known = _folders(folder)
    number = 1 + max((_number(path) for path in known), default=0)
    with bundle.replacing(Path(folder) / f"{number:06d}-{snapshot.digest[:DIGEST_LETTERS]}") as fresh:
        bundle.write_json(fresh / FACTS, asdict(snapshot))
        if sample:
            _write_sample(fresh / SAMPLE, sample)
    same = [path for path in known if path.name.endswith(snapshot.digest[:DIGEST_LETTERS])]
    others = [path for path in known if path not in same]
    for path in same + others[: max(len(others) + 1 - KEPT, 0)]:
        shutil.rmtree(path)


def medians(snapshots: Sequence[Snapshot], last: int) -> dict[str, float]:
    """Median number of rows of the last snapshots, by table."""
    recent = snapshots[-last:]
    names = {name for snapshot in recent for name in snapshot.rows}
    return {name: float(np.median([s.rows[name] for s in recent if name in s.rows])) for name in sorted(names)}


def _folders(folder: Path) -> list[Path]:
    return sorted(path.parent for path in Path(folder).glob(f"[0-9]*-*/{FACTS}"))


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _read(path: Path) -> Snapshot:
    try:
        return Snapshot(**bundle.read_json(path / FACTS))
    except TypeError:
        raise DataError(f"{path / FACTS}: not a snapshot of this version; delete {path} to forget it.") from None


def _write_sample(path: Path, sample: Columns) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({name: [values.tolist()] for name, values in sample.items()}), path)
