"""Features: every fold's tables of numbers, held to the suites in expectations/features/ and to their dataset's ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.quality.rules import MAY_BE_EMPTY, RANGE, columns_of
from components.quality.suites import STOP, Rules, Suite

if TYPE_CHECKING:
    import pyarrow as pa

ITEMS, CONTEXT, USERS = "items", "context", "users"
DATASET_ITEMS, DATASET_USERS = "dataset_items", "dataset_users"
HAS_FEATURES = "has_features"
LARGEST = 1e15  # a number beyond it has lost its whole units in float64


def fold_tables(
    folder: Path, files: Mapping[str, str], items: np.ndarray, users: np.ndarray
) -> dict[str, Path | pa.Table]:
    """The tables of one fold by the name of their suite.

    files         file in `folder` by suite: items, context, users
    items, users  ids of the fold's dataset; every one needs its row of features
    """
    found: dict[str, Path | pa.Table] = {name: folder / file for name, file in files.items()}
    found[DATASET_ITEMS] = _covered(schema.ITEM_ID, items, found[ITEMS], found[CONTEXT])
    found[DATASET_USERS] = _covered(schema.USER_ID, users, found[USERS])
    return found


def fold_suites(suites: Iterable[Suite], fold: str, tables: Mapping[str, Path | pa.Table]) -> Iterator[Suite]:
    """The suites under the names of a fold's tables, with a rule for every number that none of theirs is about."""
    for suite in suites:
        columns = _numbers(tables[suite.table])
        extra = _unspoken(columns, suite.expectations)
        yield replace(suite, table=f"{fold}_{suite.table}", expectations=(*suite.expectations, *extra))


def _unspoken(columns: Iterable[str], rules: Rules) -> Rules:
    spoken = {column for rule in rules for column in columns_of(rule)}
    return tuple(_finite(column) for column in columns if column not in spoken)


def _finite(column: str) -> dict:
    meta = {
        "rule": f"{column}_finite",
        "outcome": STOP,
        "words": f"{column} is finite",
        "why": "no suite says more about this number, but an infinite one or one that is none spoils every model",
        MAY_BE_EMPTY: "no suite says whether it may be missing",
    }
    return {"type": RANGE, "kwargs": {"column": column, "min_value": -LARGEST, "max_value": LARGEST}, "meta": meta}


def _numbers(table: Path | pa.Table) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = pq.read_schema(table) if isinstance(table, Path) else table.schema
    return [field.name for field in columns if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)]


def _covered(key: str, ids: np.ndarray, *tables: Path) -> pa.Table:
    """One row per id of the dataset: whether every one of the tables has a row for it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = np.asarray(ids, dtype=np.str_)
    known = np.ones(len(ids), dtype=bool)
    for table in tables:
        known &= np.isin(ids, pq.read_table(table, columns=[key])[key].to_numpy(zero_copy_only=False).astype(np.str_))
    return pa.table({key: ids.tolist(), HAS_FEATURES: known})
