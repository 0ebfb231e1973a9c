"""Exposures: a log of what was shown, held to its suite before anything is estimated from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.core.errors import DataError
from components.quality.judge import judge_tables
from components.quality.suites import QUARANTINE, STOP, load_suites
from components.quality.verdict import Verdict
from components.quality.workspace import IS_LISTED

if TYPE_CHECKING:
    import pyarrow as pa

ANY_SOURCE = "any"


def judge_exposures(log: pa.Table, items: Path, expectations: Path, settings: dict[str, str]) -> list[Verdict]:
    """Verdicts on a service's own log.

    log           columns of schema.EXPOSURES; times in unix seconds
    items         canonical items, parquet: whether what was shown is listed
    expectations  folder of the suites
    Raises        DataError if a rule says stop or would set a row aside: a log that is partly wrong is believed by
                  nobody who reads it later
    """
    suites = [s for s in load_suites(expectations, ANY_SOURCE) if s.table == schema.EXPOSURES_TABLE]
    if not suites:
        raise DataError(f"{expectations}: no suite for {schema.EXPOSURES_TABLE}; restore the folder.")
    verdicts = judge_tables(suites, {schema.EXPOSURES_TABLE: _typed(log, items)}, settings)
    bad = [v for v in verdicts if v.follows in (STOP, QUARANTINE)]
    if bad:
        reasons = "\n".join(f"- {v.words}: {v.broken or v.observed or f'{v.unexpected:,} rows'}" for v in bad)
        raise DataError(f"exposures: the log cannot be trusted, {len(bad)} of {len(verdicts)} rules fail:\n{reasons}")
    return verdicts


def _typed(log: pa.Table, items: Path) -> pa.Table:
    """The log with canonical types, and whether each item is listed."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    types = {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64()}
    micros = pc.cast(pc.multiply(pc.cast(log[schema.TIMESTAMP], pa.float64()), 1e6), pa.int64(), safe=False)
    columns = {
        name: micros.cast(pa.timestamp("us"))
        if name == schema.TIMESTAMP
        else log[name].cast(types[schema.column_type(name)])
        for name in log.schema.names
    }
    known = pq.read_table(items, columns=[schema.ITEM_ID])[schema.ITEM_ID].to_pylist()
    return pa.table(columns | {IS_LISTED: np.isin(np.asarray(log[schema.ITEM_ID].to_pylist(), dtype=np.str_), known)})
