"""What items are: their vectors, attributes and words, beside what happened to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
import scipy.sparse as sp

from components.core.errors import DataError
from components.core.vocabulary import Vocabulary

TAGS = "tags"
UNKNOWN = -1  # code of an attribute that an item does not have
NAMED = 8  # values of an attribute, in a message


@dataclass(frozen=True)
class ItemContent:
    """Content of the items of one vocabulary, in its order; each part may be missing.

    vectors  float32 (n_items, d), e.g. reduced text or a picture's embedding; d = 0 where there are none
    codes    attribute by name, int32 (n_items,): category, brand, price band …; -1 (UNKNOWN) where an item has none
    tags     float32 CSR (n_items, n_tags), attributes of which an item may have several
    words    int32 (n_items, length), the words of its title in order, numbered from 1; 0 pads on the right
    labels   what the values of a code, or of "tags", are called, in their order; their numbers where it is not given.
             By them another shop's model knows them again
    """

    vectors: np.ndarray
    codes: dict[str, np.ndarray] = field(default_factory=dict)
    tags: sp.csr_matrix | None = None
    words: np.ndarray | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the shapes and values once, at the border."""
        n = len(self.vectors)
        parts = {**self.codes, TAGS: self.tags, "words": self.words}
        for name, part in parts.items():
            if part is not None and part.shape[0] != n:
                raise DataError(f"item content: {name} has {part.shape[0]} rows, the vectors have {n}.")
        if not np.isfinite(self.vectors).all():
            raise DataError("item content: a vector is NaN or infinite; fill what is missing with 0.")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def n_words(self) -> int:
        """Largest number of a word."""
        return int(self.words.max(initial=0)) if self.words is not None else 0

    @property
    def says_something(self) -> bool:
        """Whether any of it is known of any item."""
        return bool(self.vectors.shape[1] or self.features().shape[1] or self.n_words)

    def features(self) -> sp.csr_matrix:
        """float32 CSR (n_items, n): one column for each value of each code and for each tag, 1 where it holds."""
        parts = [_one_hot(codes) for _, codes in sorted(self.codes.items())]
        parts += [self.tags] if self.tags is not None else []
        if not parts:
            return sp.csr_matrix((len(self), 0), dtype=np.float32)
        return sp.csr_matrix(sp.hstack(parts, dtype=np.float32))

    def feature_names(self) -> list[str]:
        """`part=value` of every column of `features`."""
        columns = {name: int(codes.max(initial=-1)) + 1 for name, codes in sorted(self.codes.items())}
        columns |= {TAGS: self.tags.shape[1]} if self.tags is not None else {}
        return [
            f"{part}={value}"
            for part, n in columns.items()
            for value in self.labels.get(part, np.arange(n))[:n].tolist()
        ]

    def having(self, wanted: Mapping[str, Iterable[str]]) -> np.ndarray:
        """bool (n_items,): whether an item has one of these values, by attribute and as `feature_names` call them.

        Raises DataError where no item has such a value.
        """
        columns = {name: at for at, name in enumerate(self.feature_names())}
        names = [(part, value) for part, values in wanted.items() for value in values]
        for part, value in names:
            if f"{part}={value}" not in columns:
                raise DataError(f"no item has {part} {value}; {_known(part, value, columns)}.")
        chosen = [columns[f"{part}={value}"] for part, value in names]
        return np.asarray(self.features()[:, chosen].sum(axis=1)).ravel() > 0

    def take(self, rows: np.ndarray) -> ItemContent:
        """Content of the given items, in that order."""
        return ItemContent(
            self.vectors[rows],
            {name: codes[rows] for name, codes in self.codes.items()},
            None if self.tags is None else self.tags[rows],
            None if self.words is None else self.words[rows],
            self.labels,
        )


def content_of_tags(attributes: Mapping[str, Iterable], items: Vocabulary, *, most: int | None = None) -> ItemContent:
    """Content from nothing but attribute ids, item id → attribute ids; what an item lacks is empty.

    most  attributes that count, those that most items have; None: all
    An attribute that a single item has says nothing about any other and is left out.
    """
    pairs = [(item, str(tag)) for item in items.ids.tolist() for tag in dict.fromkeys(attributes.get(item, ()))]
    named = np.array([tag for _, tag in pairs], dtype=np.str_)
    names, at, counts = np.unique(named, return_inverse=True, return_counts=True)
    shared = counts >= 2
    if most is not None and shared.sum() > most:
        shared &= np.isin(np.arange(len(counts)), np.argsort(-counts, kind="stable")[:most])
    rows = items.encode(np.array([item for item, _ in pairs], dtype=np.str_))
    kept = shared[at]
    columns = (np.cumsum(shared) - 1)[at[kept]]
    shape = (len(items), int(shared.sum()))
    tags = sp.csr_matrix((np.ones(len(columns), dtype=np.float32), (rows[kept], columns)), shape=shape)
    nothing = np.zeros((len(items), 0), dtype=np.float32)
    return ItemContent(nothing, tags=tags, labels={TAGS: names[shared]})


def _known(part: str, value: str, names: Iterable[str]) -> str:
    """The values of an attribute that are like the one that was asked for; where there is none, the attributes."""
    pairs = [name.partition("=")[::2] for name in names]
    values = [known for attribute, known in pairs if attribute == part]
    if values:
        return f"{part} is one of {', '.join(get_close_matches(value, values, NAMED, cutoff=0))}"
    parts = sorted({attribute for attribute, _ in pairs})
    return f"what is known of items is their {', '.join(parts)}" if parts else "nothing is known of the items"


def _one_hot(codes: np.ndarray) -> sp.csr_matrix:
    known = np.flatnonzero(codes != UNKNOWN)
    ones = np.ones(len(known), dtype=np.float32)
    return sp.csr_matrix((ones, (known, codes[known])), shape=(len(codes), int(codes.max(initial=-1)) + 1))
