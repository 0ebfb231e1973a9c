"""Knowledge-graph embeddings: items and the values of their attributes as points, an attribute as the way between them.

TransE learns vectors with item + attribute ≈ value, RotatE with the item turned by the attribute ≈ value, so that items
alike in many attributes lie close together. Turning can say what adding cannot: that a relation is its own inverse.
Numpy; cost: epochs × triples × embedding_size, seconds.
Source: Bordes et al. 2013 (NeurIPS 26), margin ranking loss, corrupted heads and tails, entities kept at length 1;
Sun et al. 2019, arXiv:1902.10197 (RotatE), here with the same loss and length instead of self-adversarial sampling.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import scipy.sparse as sp

from components.core.content import ItemContent
from components.core.progress import track
from components.features.knowledge_graph import KnowledgeGraphConfig, Triples, triples_of

SMALL = 1e-8


class GraphEmbedding(ABC):
    """Vectors of items, values and attributes.

    entities   float64 (n_items + values, d), length 1; items first
    relations  float64 (attributes, d), or as the way wants them
    """

    def __init__(self, triples: Triples, config: KnowledgeGraphConfig, rng: np.random.Generator):
        """Start at random directions; nothing is learned yet."""
        self.triples, self.config, self.rng = triples, config, rng
        n = triples.n_items + int(triples.first[-1])
        self.entities = _unit(rng.normal(size=(n, config.embedding_size)))
        self.relations = 0.1 * rng.normal(size=(len(triples.names), self._relation_size()))
        self._squares = [np.full((len(table), 1), SMALL) for table in (self.entities, self.relations)]

    def fit(self) -> GraphEmbedding:
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

    def distances(self, items: np.ndarray, attribute: str) -> np.ndarray:
        """float64 (len(items), values of the attribute): how far each value is from where the attribute leads, squared.

        The nearest value is the likeliest, also for an item of which the attribute is not known.
        """
        t = self.triples
        relation = t.names.index(attribute)
        values = self.entities[t.n_items + t.first[relation] : t.n_items + t.first[relation + 1]]
        reached = self._lead(self.entities[items], self.relations[[relation]])
        return np.square(reached[:, None] - values[None]).sum(axis=2)

    @abstractmethod
    def _lead(self, heads: np.ndarray, relations: np.ndarray) -> np.ndarray:
        """Where attributes (n, …) lead from heads (n, d)."""

    @abstractmethod
    def _back(self, gradients: np.ndarray, relations: np.ndarray) -> np.ndarray:
        """Gradients (n, d) at where attributes led, as gradients of the heads."""

    @abstractmethod
    def _relation_gradients(self, gradients: np.ndarray, heads: np.ndarray, relations: np.ndarray) -> np.ndarray:
        """Gradients (n, d) at where attributes led, as gradients of the attributes."""

    def _relation_size(self) -> int:
        return self.config.embedding_size

    def _step(self, facts: np.ndarray) -> None:
        """One step of Adagrad on the facts, each against one with another item or another value of the attribute."""
        t, n = self.triples, self.triples.n_items
        head, relation, tail = t.items[facts], t.relations[facts], n + t.values[facts]
        bad_head, bad_tail = self._corrupted(head, relation, tail)
        way = self.relations[relation]
        good = self._lead(self.entities[head], way) - self.entities[tail]
        bad = self._lead(self.entities[bad_head], way) - self.entities[bad_tail]
        active = self.config.margin + np.square(good).sum(axis=1) - np.square(bad).sum(axis=1) > 0
        good, bad = 2 * good * active[:, None], 2 * bad * active[:, None]
        of_relation = self._relation_gradients(good, self.entities[head], way)
        of_relation = of_relation - self._relation_gradients(bad, self.entities[bad_head], way)
        touched = np.concatenate((head, tail, bad_head, bad_tail))
        gradients = np.concatenate((self._back(good, way), -good, -self._back(bad, way), bad))
        self._descend(0, self.entities, touched, gradients)
        self._descend(1, self.relations, relation, of_relation)

    def _corrupted(self, head: np.ndarray, relation: np.ndarray, tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heads and tails with one of each two replaced, a tail by another value of the same attribute."""
        t, n = self.triples, self.triples.n_items
        widths = t.first[relation + 1] - t.first[relation]
        other_tail = n + t.first[relation] + (self.rng.random(len(head)) * widths).astype(np.int64)
        corrupt_head = (self.rng.random(len(head)) < 0.5) | (widths < 2)
        bad_head = np.where(corrupt_head, self.rng.integers(n, size=len(head)), head)
        return bad_head, np.where(corrupt_head, tail, other_tail)

    def _descend(self, which: int, table: np.ndarray, rows: np.ndarray, gradients: np.ndarray) -> None:
        """Adagrad by row: the gradients of one row are added up."""
        ones, (touched, of) = np.ones(len(rows)), np.unique(rows, return_inverse=True)
        total = sp.csr_matrix((ones, (of, np.arange(len(rows)))), shape=(len(touched), len(rows))) @ gradients
        self._squares[which][touched] += np.square(total).mean(axis=1, keepdims=True)
        table[touched] -= self.config.learning_rate * total / np.sqrt(self._squares[which][touched])


class TransE(GraphEmbedding):
    """An attribute is added."""

    def _lead(self, heads: np.ndarray, relations: np.ndarray) -> np.ndarray:
        return heads + relations

    def _back(self, gradients: np.ndarray, relations: np.ndarray) -> np.ndarray:
        return gradients

    def _relation_gradients(self, gradients: np.ndarray, heads: np.ndarray, relations: np.ndarray) -> np.ndarray:
        return gradients


class RotatE(GraphEmbedding):
    """An attribute turns each pair of coordinates by an angle of its own; relations: (attributes, d / 2), radians."""

    def _relation_size(self) -> int:
        return self.config.embedding_size // 2

    def _lead(self, heads: np.ndarray, relations: np.ndarray) -> np.ndarray:
        return _turned(heads, relations)

    def _back(self, gradients: np.ndarray, relations: np.ndarray) -> np.ndarray:
        return _turned(gradients, -relations)

    def _relation_gradients(self, gradients: np.ndarray, heads: np.ndarray, relations: np.ndarray) -> np.ndarray:
        """A small turn moves a point at right angles to where it is."""
        moved = gradients * _turned(heads, relations + np.pi / 2)
        return moved.reshape(len(moved), -1, 2).sum(axis=2)


WAYS: dict[str, type[GraphEmbedding]] = {"transe": TransE, "rotate": RotatE}


def knowledge_vectors(content: ItemContent, config: KnowledgeGraphConfig, rng: np.random.Generator) -> np.ndarray:
    """float32 (n_items, embedding_size): an item's place among the facts; no column where there is no fact at all."""
    triples = triples_of(content)
    if not len(triples.items):
        return np.zeros((len(content), 0), dtype=np.float32)
    return WAYS[config.way](triples, config, rng).fit().item_vectors()


def _turned(vectors: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(n, d): pairs of coordinates (x, y) as x + iy, times e^(i angle); angles (n or 1, d / 2)."""
    pairs = np.ascontiguousarray(vectors, dtype=np.float64).view(np.complex128)
    return (pairs * np.exp(1j * angles)).view(np.float64)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), SMALL)
