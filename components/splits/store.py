"""A fold's files: canonical history and target tables, the indexed dataset models are fitted on, and who is asked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core import bundle, layout, schema
from components.core.dataset import Dataset, Histories
from components.core.errors import BundleError
from components.core.exposures import Exposures
from components.core.vocabulary import UNKNOWN, Vocabulary

DATASET = "dataset"
ASKED = "asked"  # a dataset bundle, only where the users of the target are not those of the dataset
ASKED_TABLE = "asked.parquet"
FACTS = "split.json"  # beside the folds: the method, what leaks, and what was found
HISTORY = "history.parquet"
TARGET = "target.parquet"
SHOWN = "shown."  # begins the names of what was shown
COLUMNS = fields(Exposures)


@dataclass(frozen=True)
class Target:
    """What the users of a dataset bought in the target window.

    rows     int64 (pairs,), user row in the dataset; sorted, a (row, item) pair occurs once
    items    int32 (pairs,), catalogue index
    outside  pairs whose item is not in the catalogue: nothing could have recommended them
    unknown_users  users of the window without enough history to be in the dataset
    held_out int64, sorted, rows of whom anything is held out, in the catalogue or outside of it
    """

    rows: np.ndarray
    items: np.ndarray
    outside: int
    unknown_users: int
    held_out: np.ndarray


def save_dataset(path: Path, data: Dataset) -> None:
    """Write a dataset as one bundle directory, atomically."""
    h = data.histories
    shown = {} if data.exposures is None else {f"{SHOWN}{f.name}": getattr(data.exposures, f.name) for f in COLUMNS}
    bundle.write(
        path,
        {"kind": "dataset", "format": 1, "now": data.now},
        arrays={"indptr": h.indptr, "items": h.items, "times": h.times} | shown,
        vocabularies={"users": data.users, "items": data.items},
    )


def load_dataset(path: Path) -> Dataset:
    """Read a dataset back, verified; BundleError if it is missing or altered."""
    content = bundle.read(path)
    users, items = content.vocabularies["users"], content.vocabularies["items"]
    arrays = content.arrays
    known = np.arange(len(users), dtype=np.int32)
    histories = Histories(arrays["indptr"], arrays["items"], arrays["times"], int(content.meta["now"]), known)
    shown = {f.name: arrays[f"{SHOWN}{f.name}"] for f in COLUMNS if f"{SHOWN}{f.name}" in arrays}
    return Dataset(users, items, histories, exposures=Exposures(**shown) if shown else None)


def load_asked(folder: Path, data: Dataset) -> Dataset:
    """The users who can be asked in a fold, with their histories: those of its dataset, or those held out of it.

    folder  the fold's; `data` is its dataset
    Users held out have index -1 in `histories.users`: no model knows them.
    """
    if not (folder / ASKED).is_dir():
        return data
    held_out = load_dataset(folder / ASKED)
    if held_out.items != data.items:
        raise BundleError(f"{folder}: {DATASET} and {ASKED} are of different catalogues; run the split step again.")
    nobody = np.full(len(held_out.users), UNKNOWN, dtype=np.int32)
    return replace(held_out, histories=replace(held_out.histories, users=nobody))


def load_questions(root: Path, fold: str, data: Dataset) -> tuple[Dataset, Target]:
    """Who is asked in a fold, and what they went on to buy; `data` is the fold's dataset."""
    folder = root / layout.SPLIT / fold
    asked = load_asked(folder, data)
    return asked, load_target(folder / TARGET, asked)


def asks_everybody(root: Path, fold: str) -> bool:
    """Whether all users who can be asked in a fold are: one moment parts past and future, or it says who is asked.

    Where users have a moment each (leave-last methods), of some nothing is held out: nobody knows what they did next.
    """
    (found,) = [found for found in load_facts(root)["folds"] if found["name"] == fold]
    return found["one_cutoff"] or (root / layout.SPLIT / fold / ASKED).is_dir()


def load_facts(root: Path) -> dict[str, Any]:
    """What the split step said of itself: method, version, leaks, folds."""
    return bundle.read_json(root / layout.SPLIT / FACTS)


def event_types(history: Path) -> list[str]:
    """The event types that a fold's histories are made of, in the order of schema.EVENT_TYPES.

    history  its history.parquet
    """
    found = set(pc.unique(pq.read_table(history, columns=[schema.EVENT_TYPE])[schema.EVENT_TYPE]).to_pylist())
    return [kind for kind in schema.EVENT_TYPES if kind in found]


def load_target(path: Path, data: Dataset) -> Target:
    """What the target holds, as far as the dataset knows users and items.

    path  target.parquet of the fold that `data` is the history of, or holds the users who are asked
    """
    table = pq.read_table(path, columns=[schema.USER_ID, schema.ITEM_ID])
    user_ids, item_ids = table[schema.USER_ID], table[schema.ITEM_ID]
    rows, items = looked_up(user_ids, data.users), looked_up(item_ids, data.items)
    known = rows >= 0
    inside = known & (items >= 0)
    pairs = np.unique(rows[inside] * len(data.items) + items[inside])
    foreign = item_ids.filter(pa.array(known & ~inside)).combine_chunks().dictionary_encode()
    outside = np.unique(rows[known & ~inside] * len(foreign.dictionary) + foreign.indices.to_numpy())
    strangers = pc.count_distinct(user_ids.filter(pa.array(~known))).as_py()
    row, item = pairs // len(data.items), (pairs % len(data.items)).astype(np.int32)
    return Target(row, item, len(outside), strangers, np.unique(rows[known]))


def looked_up(ids: pa.ChunkedArray, vocabulary: Vocabulary) -> np.ndarray:
    """int64, the index of every id, or -1; by hash, for these may be many millions."""
    known = pa.array(vocabulary.ids.tolist(), ids.type)
    return pc.fill_null(pc.index_in(ids, known), UNKNOWN).to_numpy().astype(np.int64)
