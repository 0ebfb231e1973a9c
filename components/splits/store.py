"""A fold's files: canonical history and target tables, and the indexed dataset models are fitted on."""

from __future__ import annotations

from calendar import timegm
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from ibis.expr.types import Table

from components.core import bundle, schema
from components.core.dataset import Dataset, Histories
from components.core.errors import DataError
from components.data.engine import unix_seconds
from components.splits.temporal import SplitConfig, Window, dense

DATASET = "dataset"
HISTORY = "history.parquet"
TARGET = "target.parquet"


@dataclass(frozen=True)
class Target:
    """What the users of a dataset bought in the target window.

    rows     int64 (pairs,), user row in the dataset; sorted, a (row, item) pair occurs once
    items    int32 (pairs,), catalogue index
    outside  pairs whose item is not in the catalogue: nothing could have recommended them
    unknown_users  users of the window without enough history to be in the dataset
    """

    rows: np.ndarray
    items: np.ndarray
    outside: int
    unknown_users: int


def build_dataset(history: Table, window: Window, config: SplitConfig) -> Dataset:
    """Index the dense part of a history; DataError if nothing is left."""
    kept = dense(history, config)
    columns = kept.select(
        user=kept[schema.USER_ID], item=kept[schema.ITEM_ID], at=unix_seconds(kept[schema.TIMESTAMP])
    ).to_pyarrow()
    if not len(columns):
        raise DataError(
            f"split: fold {window.name}: no item has {config.min_users_per_item} users with "
            f"{config.min_items_per_user} items before {window.cutoff:%Y-%m-%d}; lower split.min_users_per_item."
        )
    user, item = (columns[c].to_numpy(zero_copy_only=False) for c in ("user", "item"))
    return Dataset.from_events(user, item, columns["at"].to_numpy(), timegm(window.cutoff.timetuple()))


def save_dataset(path: Path, data: Dataset) -> None:
    """Write a dataset as one bundle directory, atomically."""
    h = data.histories
    bundle.write(
        path,
        {"kind": "dataset", "format": 1, "now": data.now},
        arrays={"indptr": h.indptr, "items": h.items, "times": h.times},
        vocabularies={"users": data.users, "items": data.items},
    )


def load_dataset(path: Path) -> Dataset:
    """Read a dataset back, verified; BundleError if it is missing or altered."""
    content = bundle.read(path)
    users, items = content.vocabularies["users"], content.vocabularies["items"]
    arrays = content.arrays
    known = np.arange(len(users), dtype=np.int32)
    return Dataset(
        users, items, Histories(arrays["indptr"], arrays["items"], arrays["times"], int(content.meta["now"]), known)
    )


def load_target(path: Path, data: Dataset) -> Target:
    """The target window's purchases, as far as the dataset knows users and items.

    path  target.parquet of the fold that `data` is the history of
    """
    table = pq.read_table(path, columns=[schema.USER_ID, schema.ITEM_ID])
    user_ids, item_ids = (table[c].to_numpy(zero_copy_only=False).astype(np.str_) for c in table.column_names)
    rows, items = data.users.encode(user_ids), data.items.encode(item_ids)
    known = rows >= 0
    inside = known & (items >= 0)
    pairs = np.unique(np.stack([rows[inside], items[inside]], axis=1), axis=0)
    outside = len(set(zip(user_ids[known & ~inside].tolist(), item_ids[known & ~inside].tolist(), strict=True)))
    return Target(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int32), outside, len(np.unique(user_ids[~known])))
