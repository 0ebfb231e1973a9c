"""Knowledge-graph embeddings: items and the values of their attributes as points, an attribute as the way between them.

A triple says (item, attribute, value), e.g. (Yogurt, brand, Ours). TransE learns vectors with item + attribute ≈ value,
so that items alike in many attributes lie close together. Numpy; cost: epochs × triples × embedding_size, seconds.
Source: Bordes et al. 2013 (NeurIPS 26), margin ranking loss, corrupted heads and tails, entities kept at length 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.config import Config
from components.core.content import TAGS, UNKNOWN, ItemContent
from components.core.progress import track

SMALL = 1e-8


class KnowledgeGraphConfig(Config):
    """margin: by how much a true triple must lie closer than a corrupted one, in squared distance of unit vectors."""

    embedding_size: int = Field(default=32, ge=2, le=512)
    epochs: int = Field(default=60, ge=1, le=10_000)
    batch_size: int = Field(default=4096, ge=1)
    learning_rate: float = Field(default=0.05, gt=0, le=10)
    margin: float = Field(default=0.5, gt=0, le=4)


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


class TransE:
    """Vectors of items, values and attributes.

    entities   float64 (n_items + values, d), length 1; items first
    relations  float64 (attributes, d)
    """

    def __init__(self, triples: Triples, config: KnowledgeGraphConfig, rng: np.random.Generator):
        """Start at random directions; nothing is learned yet."""
        self.triples, self.config, self.rng = triples, config, rng
        n = triples.n_items + int(triples.first[-1])
        self.entities = _unit(rng.normal(size=(n, config.embedding_size)))
        self.relations = 0.1 * rng.normal(size=(len(triples.names), config.embedding_size))
        self._squares = [np.full((len(table), 1), SMALL) for table in (self.entities, self.relations)]

    def fit(self) -> TransE:
        """All epochs; returns self."""
        facts, size = len(self.triples.items), self.config.batch_size
        for _ in track(range(self.config.epochs), "knowledge graph epochs"):
            order = self.rng.permutation(facts)
            for start in range(0, facts, size):
                self._step(order[start : start + size])
            self.entities = _unit(self.entities)
        return self

    def item_vectors(self) -> np.ndarray:
        """float32 (n_items, d); 0 for an item of which nothing is known."""
        n = self.triples.n_items
        known = np.bincount(self.triples.items, minlength=n) > 0
        return np.where(known[:, None], self.entities[:n], 0).astype(np.float32)

    def _step(self, facts: np.ndarray) -> None:
        """One step of Adagrad on the facts, each against one with another item or another value of the attribute."""
        t, n = self.triples, self.triples.n_items
        head, relation, tail = t.items[facts], t.relations[facts], n + t.values[facts]
        widths = t.first[relation + 1] - t.first[relation]
        other_tail = n + t.first[relation] + (self.rng.random(len(facts)) * widths).astype(np.int64)
        corrupt_head = (self.rng.random(len(facts)) < 0.5) | (widths < 2)
        bad_head = np.where(corrupt_head, self.rng.integers(n, size=len(facts)), head)
        bad_tail = np.where(corrupt_head, tail, other_tail)
        good = self.entities[head] + self.relations[relation] - self.entities[tail]
        bad = self.entities[bad_head] + self.relations[relation] - self.entities[bad_tail]
        active = self.config.margin + np.square(good).sum(axis=1) - np.square(bad).sum(axis=1) > 0
        good, bad = 2 * good * active[:, None], 2 * bad * active[:, None]
        touched = np.concatenate((head, tail, bad_head, bad_tail))
        self._descend(0, self.entities, touched, np.concatenate((good, -good, -bad, bad)))
        self._descend(1, self.relations, relation, good - bad)

    def _descend(self, which: int, table: np.ndarray, rows: np.ndarray, gradients: np.ndarray) -> None:
        """Adagrad by row: the gradients of one row are added up."""
        ones = np.ones(len(rows))
        total = sp.csr_matrix((ones, (rows, np.arange(len(rows)))), shape=(len(table), len(rows))) @ gradients
        self._squares[which] += np.square(total).mean(axis=1, keepdims=True)
        table -= self.config.learning_rate * total / np.sqrt(self._squares[which])


def knowledge_vectors(content: ItemContent, config: KnowledgeGraphConfig, rng: np.random.Generator) -> np.ndarray:
    """float32 (n_items, embedding_size): an item's place among the facts; no column where there is no fact at all."""
    triples = triples_of(content)
    if not len(triples.items):
        return np.zeros((len(content), 0), dtype=np.float32)
    return TransE(triples, config, rng).fit().item_vectors()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), SMALL)
