"""Popularity by segment: what people of the same age, income or town buy, for somebody nobody knows yet.

Only counts are kept: of segments (an attribute and its value) with enough people, how many of them bought an item.
Nobody's attributes are in a release; whoever asks tells them (`attributes` of /recommend).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from components.core import bundle, schema
from components.core.dataset import Dataset
from components.retrieval.evidence import Common

SEGMENTS = "segments"  # in a release, where the users table tells attributes
FOREIGN = frozenset({schema.USER_ID, "attributes"})  # columns of the users table that are no attribute
LEAST_PEOPLE = 20  # of a segment; fewer would tell of single people
MOST_VALUES = 50  # of an attribute; more is a name, not a segment
PRIOR_PEOPLE = 50.0  # so many of the whole shop are added to every segment
KEPT_ORDERS = 64
MISSING = frozenset({"", "unknown"})


@dataclass(frozen=True)
class Segments:
    """Counts of people.

    names      (attribute, value), both in lower case
    people     int64 (segments,)
    buyers     float32 CSR (segments, n_items), people of the segment who bought the item
    everybody  float64 (n_items,), the share of all people who did
    """

    names: tuple[tuple[str, str], ...]
    people: np.ndarray
    buyers: sp.csr_matrix
    everybody: np.ndarray

    def __post_init__(self) -> None:
        """Orders of segments that were asked for lately are kept."""
        object.__setattr__(self, "_order", lru_cache(KEPT_ORDERS)(self._sorted))

    def popular(self, attributes: Iterable[tuple[str, str]]) -> Common | None:
        """What is popular among people of these attributes: the mean over those that are segments; None where none is.

        attributes  (name, value), in any letter case
        """
        index = {name: row for row, name in enumerate(self.names)}
        asked = ((name.casefold(), value.casefold()) for name, value in attributes)
        rows = tuple(sorted({index[pair] for pair in asked if pair in index}))
        return self._order(rows) if rows else None

    def _sorted(self, rows: tuple[int, ...]) -> Common:
        chosen = list(rows)
        counts = self.buyers[chosen].toarray() + PRIOR_PEOPLE * self.everybody
        shares = (counts / (self.people[chosen] + PRIOR_PEOPLE)[:, None]).mean(axis=0)
        return Common((shares / max(shares.max(initial=0), 1e-12)).astype(np.float32))

    def save(self, folder: Path) -> None:
        """As a bundle."""
        arrays = bundle.pack_csr("buyers", self.buyers) | {"people": self.people, "everybody": self.everybody}
        bundle.write(folder, {"kind": SEGMENTS, "names": [list(name) for name in self.names]}, arrays=arrays)

    @classmethod
    def load(cls, folder: Path) -> Segments:
        """Read what `save` wrote."""
        content = bundle.read(folder)
        names = tuple((name, value) for name, value in content.meta["names"])
        arrays = content.arrays
        return cls(names, arrays["people"], bundle.unpack_csr("buyers", arrays), arrays["everybody"])


def segments(users_file: Path, known: Dataset) -> Segments | None:
    """The segments of a users table; None where it is not there or says too little.

    users_file  canonical users
    known       the people whose purchases count, and the catalogue
    """
    if not users_file.is_file():
        return None
    table = bundle.read_table(users_file)
    people = known.users.encode(table[schema.USER_ID].to_pylist())
    bought = known.histories.matrix(len(known.items), binary=True)
    names, rows = [], []
    for column in sorted(set(table.column_names) - FOREIGN):
        values = np.array([str(v if v is not None else "").casefold() for v in table[column].to_pylist()])
        distinct = sorted(set(values.tolist()) - MISSING)
        for value in distinct if len(distinct) <= MOST_VALUES else ():
            of = people[(values == value) & (people >= 0)]
            if len(of) >= LEAST_PEOPLE:
                names.append((column.casefold(), value))
                rows.append(of)
    if not names:
        return None
    which = np.repeat(np.arange(len(rows)), [len(of) for of in rows])
    membership = sp.csr_matrix(
        (np.ones(len(which), np.float32), (which, np.concatenate(rows))), shape=(len(rows), len(known.users))
    )
    everybody = np.asarray(bought.sum(axis=0)).ravel() / max(len(known.users), 1)
    counted = np.array([len(of) for of in rows], dtype=np.int64)
    return Segments(tuple(names), counted, sp.csr_matrix(membership @ bought), everybody.astype(np.float64))
