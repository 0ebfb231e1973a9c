"""What the ranker knows about items and users besides histories: slow features, text vectors, category groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core import bundle, layout, schema
from components.core.content import ItemContent
from components.core.dataset import Dataset
from components.core.vocabulary import Vocabulary
from components.features import normalization
from components.features.history import Groups
from components.features.normalization import Normalizer

ITEM_FEATURES = "items.parquet"
CONTEXT_FEATURES = "context.parquet"  # of items too, but of the moment
USER_FEATURES = "users.parquet"
ITEM_GROUPS = "groups.parquet"
VECTORS = "vectors"
NORMALIZER = "normalizer."  # begins the names of its arrays
LATELY = (0.1, 0.3)  # last shares of all events, for data without tables
GROUPS = (schema.DEPARTMENT, schema.CATEGORY, schema.SUBCATEGORY)


@dataclass(frozen=True)
class Context:
    """Arrays in the order of one dataset's vocabularies.

    item_numbers  float32 (n_items, len(item_names)), NaN where unknown
    user_numbers  float32 (n_users + 1, len(user_names)); the last row, all NaN, stands for unknown users
    vectors       float32 (n_items, d), length 1 or 0
    groups        category groups, coarse to fine
    normalizer    what the ranker's features go through last; the numbers here are as they were measured
    """

    items: Vocabulary
    users: Vocabulary
    item_names: list[str]
    item_numbers: np.ndarray
    user_names: list[str]
    user_numbers: np.ndarray
    vectors: np.ndarray
    groups: list[Groups]
    normalizer: Normalizer = field(default_factory=Normalizer)

    def user_rows(self, users: np.ndarray) -> np.ndarray:
        """float32 (n, len(user_names)) of user indices; -1 gives NaN."""
        return self.user_numbers[users]


def load_context(root: Path, fold: str, data: Dataset) -> Context:
    """Read a fold's features and reduced vectors, aligned with its dataset."""
    features = root / layout.FEATURES / fold
    steady, moment = (
        _aligned(features / name, schema.ITEM_ID, data.items) for name in (ITEM_FEATURES, CONTEXT_FEATURES)
    )
    user_names, user_numbers = _aligned(features / USER_FEATURES, schema.USER_ID, data.users)
    unknown = np.full((1, len(user_names)), np.nan, dtype=np.float32)
    reduced = bundle.read(root / layout.REDUCED / fold)
    at = reduced.vocabularies["items"].encode(data.items.ids)
    vectors = np.where((at >= 0)[:, None], reduced.arrays[VECTORS][at], 0).astype(np.float32)
    return Context(
        data.items,
        data.users,
        steady[0] + moment[0],
        np.hstack([steady[1], moment[1]]),
        user_names,
        np.vstack([user_numbers, unknown]),
        vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9),
        _groups(features / ITEM_GROUPS, data.items),
        Normalizer.load(features / normalization.FOLDER),
    )


def bare_context(data: Dataset) -> Context:
    """What histories alone say of a catalogue: how often each item was bought, all in all and lately.

    For data that come without tables of users and of features; there are no text vectors, and groups only where the
    data have content that names them.
    """
    histories, n_items = data.histories, len(data.items)
    numbers = [np.log1p(np.bincount(histories.items, minlength=n_items))]
    for share in LATELY:
        later = histories.times >= np.quantile(histories.times, 1 - share) if len(histories.times) else slice(0)
        numbers.append(np.log1p(np.bincount(histories.items[later], minlength=n_items)))
    names = ["item_events"] + [f"item_events_last_{share:.0%}" for share in LATELY]
    return Context(
        data.items,
        data.users,
        names,
        np.stack(numbers, axis=1).astype(np.float32),
        [],
        np.zeros((len(data.users) + 1, 0), dtype=np.float32),
        np.zeros((n_items, 0), dtype=np.float32),
        _groups_of(data.content),
    )


def pack(context: Context) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, Vocabulary]]:
    """A context as the meta data, arrays and vocabularies of a bundle; `unpack` reads it back."""
    how, numbers = context.normalizer.pack()
    names = {
        normalization.KIND: how,
        "item_names": context.item_names,
        "user_names": context.user_names,
        "groups": [g.name for g in context.groups],
    }
    arrays = {
        "item_numbers": context.item_numbers,
        "user_numbers": context.user_numbers,
        VECTORS: context.vectors,
    }
    arrays |= {f"group.{g.name}": g.of for g in context.groups}
    arrays |= {f"{NORMALIZER}{name}": values for name, values in numbers.items()}
    return names, arrays, {"items": context.items, "users": context.users}


def unpack(content: bundle.Content) -> Context:
    """The context that `pack` stored in a bundle."""
    meta, arrays, vocabularies = content.meta, content.arrays, content.vocabularies
    return Context(
        vocabularies["items"],
        vocabularies["users"],
        meta["item_names"],
        arrays["item_numbers"],
        meta["user_names"],
        arrays["user_numbers"],
        arrays[VECTORS],
        [Groups(name, arrays[f"group.{name}"]) for name in meta["groups"]],
        Normalizer.unpack(
            meta.get(normalization.KIND, {}),
            {name.removeprefix(NORMALIZER): a for name, a in arrays.items() if name.startswith(NORMALIZER)},
            "context",
        ),
    )


def _aligned(path: Path, key: str, vocabulary: Vocabulary) -> tuple[list[str], np.ndarray]:
    table = pq.read_table(path)
    names = [c for c in table.column_names if c != key]
    at = vocabulary.encode(table[key].to_numpy(zero_copy_only=False).astype(np.str_))
    out = np.full((len(vocabulary), len(names)), np.nan, dtype=np.float32)
    for column, name in enumerate(names):
        out[at[at >= 0], column] = table[name].to_numpy(zero_copy_only=False)[at >= 0]
    return names, out


def _groups_of(content: ItemContent | None) -> list[Groups]:
    """The groups that content knows, coarse to fine; items without one make a group of their own."""
    codes = {} if content is None else content.codes
    known = {name: codes[name] for name in GROUPS if name in codes}
    return [Groups(name, np.where(of < 0, of.max() + 1, of).astype(np.int32)) for name, of in known.items()]


def _groups(path: Path, items: Vocabulary) -> list[Groups]:
    table = pq.read_table(path)
    at = items.encode(table[schema.ITEM_ID].to_numpy(zero_copy_only=False).astype(np.str_))
    groups = []
    for name in GROUPS:
        labels = np.full(len(items), "", dtype=object)
        labels[at[at >= 0]] = pc.fill_null(table[name], "").to_numpy(zero_copy_only=False)[at >= 0]
        groups.append(Groups(name, np.unique(labels.astype(np.str_), return_inverse=True)[1].astype(np.int32)))
    return groups
