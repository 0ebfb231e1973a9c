"""Lists on disk: user_id, item_id, rank, score, one row per place; ours and other systems' are read the same way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import scipy.sparse as sp

from components.benchmark.entrant import TopK
from components.core.errors import DataError
from components.core.ranking import NO_ITEM
from components.core.schema import ITEM_ID, RANK, SCORE, USER_ID
from components.core.vocabulary import Vocabulary
from components.evaluation.protocol import Task

NEEDED = (USER_ID, ITEM_ID)
LARGEST_ROWS = 200_000_000  # of a foreign file; it is read whole


@dataclass(frozen=True)
class Read:
    """Lists of the users who are asked, in their order, and what of a file is not among them.

    items      int32 (n, k), -1 where a list is shorter, or names an item that the catalogue does not hold
    strangers  users of the file who are not asked
    silent     users who are asked and have no list
    unknown    places that name an item outside the catalogue; no hit, but they take their place
    gaps       places that no row names, before the last one of their list; no hit either
    """

    items: np.ndarray
    strangers: int
    silent: int
    unknown: int
    gaps: int

    @property
    def remarks(self) -> list[str]:
        """What a person should know of lists that were handed in."""
        counts = {
            "users of the file are not asked": self.strangers,
            "users who are asked have no list": self.silent,
            "places name an item outside the catalogue": self.unknown,
            "places have no item though later ones of the same list have: they count as misses": self.gaps,
        }
        return [f"{n:,} {words}" for words, n in counts.items() if n]


def write_lists(path: Path, lists: TopK, user_ids: np.ndarray, items: Vocabulary) -> None:
    """Write lists, users in their order, ranks from 1."""
    rows, places = np.nonzero(lists.items >= 0)
    columns = {
        USER_ID: pa.array(user_ids.tolist(), pa.string()).take(pa.array(rows)),
        ITEM_ID: pa.array(items.ids.tolist(), pa.string()).take(pa.array(lists.items[rows, places])),
        RANK: pa.array((places + 1).astype(np.int32)),
        SCORE: pa.array(lists.scores[rows, places].astype(np.float32)),
    }
    pq.write_table(pa.table(columns), path, compression="zstd")


def write_relevant(path: Path, relevant: sp.csr_matrix, user_ids: np.ndarray, items: Vocabulary) -> None:
    """Write what was to be foretold: user_id, item_id."""
    rows, at = relevant.nonzero()
    columns = {
        USER_ID: pa.array(user_ids.tolist(), pa.string()).take(pa.array(rows)),
        ITEM_ID: pa.array(items.ids.tolist(), pa.string()).take(pa.array(at)),
    }
    pq.write_table(pa.table(columns), path, compression="zstd")


def read_lists(path: Path, task: Task, items: Vocabulary, k: int) -> Read:
    """Lists of the task's users from a file with user_id, item_id and rank, or score where there are no ranks.

    An item stands where its rank says: a rank that no row has is a place without an item.
    Raises DataError if the file is no such table, or a user has two items at one rank or an item twice
    """
    table = _table(path)
    users, rows = _encoded(path, table, USER_ID, Vocabulary.fit(task.user_ids))
    order = Vocabulary.fit(task.user_ids).encode(task.user_ids)  # vocabulary index of every row of the task
    row_of = np.empty(len(order), dtype=np.int64)
    row_of[order] = np.arange(len(order))
    _, at = _encoded(path, table, ITEM_ID, items)
    kept = rows >= 0
    strangers = users - len(np.unique(rows[kept]))
    row, item, rank = row_of[rows[kept]], at[kept], _ranks(table, path)[kept]
    ranked = RANK in table.column_names
    place, again = _places(path, row, item, rank)
    if ranked and len(again):
        user, tied = task.user_ids[row[again[0]]], rank[again[0]]
        raise DataError(
            f"{path}: user '{user}' has two items at rank {tied:g}; number each list from 1, or give {SCORE} in the "
            f"place of {RANK}."
        )
    place = rank.astype(np.int64) - 1 if ranked else place
    out = np.full((len(order), k), NO_ITEM, dtype=np.int32)
    top = place < k
    out[row[top], place[top]] = item[top]
    last = np.zeros(len(order), dtype=np.int64)
    np.maximum.at(last, row, np.minimum(place + 1, k))
    gaps = int(last.sum()) - int(top.sum())
    return Read(out, strangers, len(order) - len(np.unique(row)), int((item[top] < 0).sum()), gaps)


def _table(path: Path) -> pa.Table:
    try:
        found = pq.ParquetFile(path)
        names, rows = found.schema_arrow.names, found.metadata.num_rows
        missing = [name for name in NEEDED if name not in names]
        if missing or not {RANK, SCORE} & set(names):
            lacking = " and ".join(missing) or f"{RANK} or {SCORE}"
            raise DataError(f"{path}: column {lacking} is missing; it has {', '.join(names)}.")
        if rows > LARGEST_ROWS:
            raise DataError(f"{path}: {rows:,} rows, at most {LARGEST_ROWS:,} are read; keep the first ranks only.")
        return found.read([*NEEDED, RANK if RANK in names else SCORE])
    except (OSError, pa.ArrowException) as e:
        raise DataError(f"{path}: cannot be read as parquet ({str(e).splitlines()[0]}).") from None


def _encoded(path: Path, table: pa.Table, name: str, vocabulary: Vocabulary) -> tuple[int, np.ndarray]:
    """Number of distinct ids of a column, and int32 indices in the vocabulary."""
    column = table[name]
    if column.null_count:
        raise DataError(f"{path}: column {name}: an id is missing; every row needs a user and an item.")
    try:
        coded = pc.dictionary_encode(column.cast(pa.string()).combine_chunks())
    except pa.ArrowException:
        raise DataError(f"{path}: column {name} holds {column.type}; write ids as text or whole numbers.") from None
    known = vocabulary.encode(coded.dictionary.to_pylist())
    return len(coded.dictionary), known[coded.indices.to_numpy()] if len(known) else np.empty(0, np.int32)


def _ranks(table: pa.Table, path: Path) -> np.ndarray:
    """float64 numbers that grow down the list."""
    if RANK in table.column_names:
        ranks = _numbers(table, RANK, path)
        if not (np.isfinite(ranks) & (ranks >= 1) & (ranks <= LARGEST_ROWS) & (ranks == np.floor(ranks))).all():
            raise DataError(
                f"{path}: ranks are whole numbers from 1 to {LARGEST_ROWS:,}, and every row has one; number each list "
                "1, 2, 3 and so on."
            )
        return ranks
    scores = _numbers(table, SCORE, path)
    if np.isnan(scores).any():
        raise DataError(f"{path}: a score is missing or NaN; leave such rows out.")
    return -scores


def _numbers(table: pa.Table, name: str, path: Path) -> np.ndarray:
    """float64 values of a column, NaN where there is none."""
    kind = table[name].type
    if not any(holds(kind) for holds in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)):
        raise DataError(f"{path}: column {name} holds {kind}; write it as numbers.")
    return table[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def _places(path: Path, row: np.ndarray, item: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 place of every row of the file in its user's list, from 0, and the rows that share the place before them.

    Equal scores keep the order of the file.
    """
    pairs = row[item >= 0] * (int(item.max(initial=0)) + 1) + item[item >= 0]
    if len(np.unique(pairs)) < len(pairs):
        raise DataError(f"{path}: a user's list names an item twice; keep the better place.")
    order = np.lexsort((rank, row))
    starts = np.flatnonzero(np.diff(row[order], prepend=-1))
    place = np.empty(len(row), dtype=np.int64)
    place[order] = np.arange(len(row)) - np.repeat(starts, np.diff(np.append(starts, len(row))))
    again = order[1:][(np.diff(row[order]) == 0) & (rank[order][1:] == rank[order][:-1])]
    return place, again
