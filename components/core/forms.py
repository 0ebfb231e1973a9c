"""Forms of models whose best items are found without scores of the whole catalogue.

A model that has neither form is asked for all its scores (`Model.score`); components/retrieval asks the others.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from components.core.dataset import Histories
from components.core.model import Model


class SparseModel(Model):
    """A model with evidence for few items of each user; every other item scores 0."""

    @abstractmethod
    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """float32 CSR (len(histories), n_items): the scores; what is not stored is 0."""

    def score(self, histories: Histories) -> np.ndarray:
        """The evidence with its zeros."""
        return self.evidence(histories).toarray()


class VectorModel(Model):
    """A model that scores by the inner product of a query and the item's vector, or grows with it.

    softmax  the score is log(1 + n_items · p), p the softmax of the products; False: the score is the product
    """

    softmax: ClassVar[bool] = False

    @abstractmethod
    def item_vectors(self) -> np.ndarray:
        """float32 (n_items, d); an item's bias is a column of its own, which meets a 1 in every query."""

    @abstractmethod
    def queries(self, histories: Histories) -> np.ndarray:
        """float32 (len(histories), d)."""


def with_ones(queries: np.ndarray) -> np.ndarray:
    """Queries that meet a last column of biases."""
    return np.column_stack([queries, np.ones(len(queries), dtype=np.float32)]).astype(np.float32, copy=False)


def with_biases(vectors: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Item vectors with their biases as the last column."""
    return np.column_stack([vectors, biases]).astype(np.float32, copy=False)
