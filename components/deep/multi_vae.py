"""Multi-VAE: a variational autoencoder gives a user's history back, and with it what belongs beside it.

Use it where what goes together matters and the order does not. A history is a set: the items of a user, each once.
Cost: per epoch users × negatives × hidden_size operations (users × n_items × hidden_size with the full softmax, which
is taken where n_items is at most full_softmax_items); scoring in numpy, two matrix products.
Source: Liang et al. 2018, arXiv:1802.05814: multinomial likelihood, annealed KL divergence, dropout of the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from components.core.dataset import Dataset, Histories
from components.core.forms import VectorModel, with_biases, with_ones
from components.core.space import NEGATIVES, Choice, Floats
from components.deep._catalogue_model import CatalogueConfig, CatalogueModel
from components.deep._numpy_layers import dense

if TYPE_CHECKING:
    from components.deep._multi_vae_training import MultiVaeTrainer


class MultiVaeConfig(CatalogueConfig):
    """embedding_size is the latent variable's.

    hidden_size         of the layer on either side of the latent variable
    divergence          weight of the KL divergence against the likelihood of one user's items, once it has risen
    annealing           share of the planned steps over which that weight rises from 0
    full_softmax_items  catalogues up to this size are never sampled
    """

    space: ClassVar = CatalogueConfig.space | {
        "hidden_size": Choice((128, 256, 512)),
        "divergence": Floats(0, 1),
        "annealing": Floats(0.1, 1),
        "negatives": NEGATIVES,
        "refit": Choice((False, True)),
    }
    hidden_size: int = Field(default=256, ge=2, le=2048)
    divergence: float = Field(default=0.2, ge=0, le=1)
    annealing: float = Field(default=0.5, gt=0, le=1)
    full_softmax_items: int = Field(default=3000, ge=1)


class MultiVae(CatalogueModel, VectorModel):
    """Items → hidden → mean of the latent variable → hidden → items."""

    version = 2
    Config = MultiVaeConfig
    start_option = "hidden_size"

    def negatives_of(self, n_items: int) -> int:
        """All of a small catalogue."""
        return n_items if n_items <= self.config.full_softmax_items else super().negatives_of(n_items)

    def parameters(self, n_users: int, n_items: int) -> float:
        """Vectors at the input and at the output."""
        return n_items * (2.0 * self.config.hidden_size + 1)

    def trainer(self, data: Dataset, rng: np.random.Generator) -> MultiVaeTrainer:
        """Input and output vectors start as the leading directions of who bought what."""
        from components.deep._multi_vae_training import MultiVaeTrainer

        return MultiVaeTrainer(data.histories, self.n_items, self.config, rng)

    def logits(self, histories: Histories) -> np.ndarray:
        """From the mean of the latent variable; an empty history gives about the items' popularity."""
        return self._hidden(histories) @ self.weights["item_embeddings"].T + self.weights["item_biases"]

    def item_vectors(self) -> np.ndarray:
        """The output layer."""
        return with_biases(self.weights["item_embeddings"], self.weights["item_biases"])

    def queries(self, histories: Histories) -> np.ndarray:
        """What the last hidden layer says."""
        return with_ones(self._hidden(histories))

    def _hidden(self, histories: Histories) -> np.ndarray:
        w = self.weights
        held = histories.matrix(self.n_items, binary=True)
        lengths = np.sqrt(np.maximum(np.diff(held.indptr), 1))[:, None].astype(np.float32)
        hidden = np.tanh(held @ w["input_embeddings"] / lengths + w["input_bias"])
        return np.tanh(dense(dense(hidden, w, "mean"), w, "hidden"))
