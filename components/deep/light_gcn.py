"""LightGCN: embeddings spread over the graph of who bought what, layer by layer, and are averaged.

Use it for broad tastes where users hold few items: two steps away lie the items of users alike. A user's vector is the
spread sum of his items' vectors and holds nothing of his own, so that a new user is served exactly as a fitted one; in
training the target's own edge is left out of it, or every item would foretell itself.
Cost: per step about 4 × layers sparse products of all events with embedding_size columns, so batches are large; scoring
in numpy, two matrix products.
Source: He et al. 2020, arXiv:2002.02126.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.dataset import Dataset, Histories
from components.core.forms import VectorModel, with_biases, with_ones
from components.core.space import NEGATIVES, Choice, Ints
from components.deep._catalogue_model import CatalogueConfig, CatalogueModel
from components.deep._numpy_layers import Weights

if TYPE_CHECKING:
    from components.deep._light_gcn_training import LightGcnTrainer


class LightGcnConfig(CatalogueConfig):
    """batch_size counts purchases; dropout is the share of the graph's edges left out of a step.

    layers     steps an embedding spreads
    objective  of a purchase: `softmax` over the sampled items, or `bpr`, its pairwise form (Rendle et al. 2009)
    """

    space: ClassVar = CatalogueConfig.space | {
        "layers": Ints(1, 3),
        "objective": Choice(("softmax", "bpr")),
        "negatives": NEGATIVES,
        "batch_size": Choice((2048, 4096, 8192, 16384)),
    }
    layers: int = Field(default=2, ge=1, le=6)
    objective: Literal["softmax", "bpr"] = "softmax"
    dropout: float = Field(default=0.1, ge=0, lt=1)
    learning_rate: float = Field(default=0.005, gt=0, le=1)
    batch_size: int = Field(default=8192, ge=1)


class LightGcn(CatalogueModel, VectorModel):
    """A user's items, spread, against all items, spread."""

    version = 3
    Config = LightGcnConfig

    def parameters(self, n_users: int, n_items: int) -> float:
        """Vectors of users as well, in training."""
        return (n_users + n_items) * (self.config.embedding_size + 1.0)

    def catalogue_cells(self, n_users: int, n_items: int) -> float:
        """Every layer's vectors of all users and items."""
        return (n_users + n_items) * float(self.config.embedding_size) * (1 + self.config.layers)

    def trainer(self, data: Dataset, rng: np.random.Generator) -> LightGcnTrainer:
        """Embeddings start as the leading directions of who bought what."""
        from components.deep._light_gcn_training import LightGcnTrainer

        return LightGcnTrainer(data.histories, self.n_items, self.config, rng)

    def logits(self, histories: Histories) -> np.ndarray:
        """From history_embeddings, item_embeddings (n_items, d) and item_biases (n_items,)."""
        return self._users(histories) @ self.weights["item_embeddings"].T + self.weights["item_biases"]

    def item_vectors(self) -> np.ndarray:
        """Spread embeddings and biases."""
        return with_biases(self.weights["item_embeddings"], self.weights["item_biases"])

    def queries(self, histories: Histories) -> np.ndarray:
        """The users' spread items."""
        return with_ones(self._users(histories))

    def _users(self, histories: Histories) -> np.ndarray:
        held = histories.matrix(self.n_items, binary=True)
        lengths = np.sqrt(np.maximum(np.diff(held.indptr), 1))[:, None].astype(np.float32)
        return held @ self.weights["history_embeddings"] / lengths


def edges_of(held: sp.csr_matrix) -> sp.csr_matrix:
    """Who bought what with every edge weighed 1 / sqrt(items of the user · users of the item)."""
    users = np.maximum(np.diff(held.indptr), 1) ** -0.5
    items = np.maximum(np.bincount(held.indices, minlength=held.shape[1]), 1) ** -0.5
    return sp.csr_matrix(held.multiply(users[:, None]).multiply(items)).astype(np.float32)


def spread(edges: sp.csr_matrix, users: np.ndarray, items: np.ndarray, biases: np.ndarray, layers: int) -> Weights:
    """What scoring needs, from the embeddings of layer 0 and the whole graph.

    The mean over the layers 0 … L gives the items; a user's layer k + 1 is his items' layer k, so that his mean,
    without his own layer 0, is the sum of their layers 0 … L − 1.
    """
    own = [items]
    for _ in range(layers):
        users, items = edges @ items, edges.T @ users
        own.append(items)
    per_item = np.maximum(np.bincount(edges.indices, minlength=edges.shape[1]), 1)[:, None] ** -0.5
    return {
        "item_embeddings": (sum(own) / (layers + 1)).astype(np.float32),
        "history_embeddings": (sum(own[:-1]) * per_item / (layers + 1)).astype(np.float32),
        "item_biases": biases,
    }
