"""Knowledge graph: what is known of items as triples (item, attribute, value), e.g. (Yogurt, brand, Ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from components.core.config import Config
from components.core.content import TAGS, UNKNOWN, ItemContent


class KnowledgeGraphConfig(Config):
    """How items and the values of their attributes become vectors (features/graph_embedding.py).

    way     what an attribute does on the way from an item to its value: it is added (`transe`), or it turns the vector,
            coordinates in pairs (`rotate`; embedding_size must be even)
    margin  by how much a true triple must lie closer than a corrupted one, in squared distance of unit vectors
    """

    way: Literal["transe", "rotate"] = "transe"
    embedding_size: int = Field(default=32, ge=2, le=512)
    epochs: int = Field(default=60, ge=1, le=10_000)
    batch_size: int = Field(default=4096, ge=1)
    learning_rate: float = Field(default=0.05, gt=0, le=10)
    margin: float = Field(default=0.5, gt=0, le=4)

    @model_validator(mode="after")
    def _pairs_of_coordinates(self) -> KnowledgeGraphConfig:
        if self.way == "rotate" and self.embedding_size % 2:
            raise ValueError(f"embedding_size {self.embedding_size} must be even where way is rotate")
        return self


@dataclass(frozen=True)
class Triples:
    """Facts about items.

    items      int64 (facts,), item
    relations  int64 (facts,), attribute, index into `names`
    values     int64 (facts,), value, numbered over all attributes
    names      of the attributes
    first      int64 (attributes + 1,), values first[r]:first[r + 1] belong to attribute r
    n_items    items, also those without any fact
    """

    items: np.ndarray
    relations: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    first: np.ndarray
    n_items: int


def triples_of(content: ItemContent) -> Triples:
    """One fact for each attribute an item has, and for each of its tags."""
    parts = {}
    for name, codes in sorted(content.codes.items()):
        known = np.flatnonzero(codes != UNKNOWN)
        parts[name] = known, codes[known].astype(np.int64), int(codes.max(initial=-1)) + 1
    if content.tags is not None:
        tags = content.tags.tocoo()
        parts[TAGS] = tags.row.astype(np.int64), tags.col.astype(np.int64), tags.shape[1]
    first = np.concatenate(([0], np.cumsum([n for _, _, n in parts.values()]))).astype(np.int64)
    found = [(items, np.full(len(items), at), first[at] + codes) for at, (items, codes, _) in enumerate(parts.values())]
    nothing = np.zeros(0, dtype=np.int64)
    items, relations, values = (np.concatenate([nothing, *(part[side] for part in found)]) for side in range(3))
    return Triples(items, relations, values, tuple(parts), first, len(content))
