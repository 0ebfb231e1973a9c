"""BERT4Rec: attention in both directions fills in baskets that were masked; the next one is a masked one at the end.

Use it beside SASRec where what lies around a basket says as much as what lies before it. A step is a basket. While it
trains a share of the baskets is masked, and the last one more often, because it is the one that will be asked for. With
`contrast` it learns beside it that two maskings of one history belong together (CL4SRec's idea, jointly, without a
stage of its own).
Cost: per epoch as SASRec's; a network that reads both ways needs more epochs. Scoring is quadratic in max_length.
Source: Sun et al. 2019, arXiv:1904.06690; sampled softmax after Petrov & Macdonald 2023, arXiv:2308.07192;
contrast: Xie et al. 2022, arXiv:2010.14395.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field, model_validator

from components.core.dataset import Dataset, Histories
from components.core.forms import VectorModel, with_biases, with_ones
from components.core.model import Capabilities
from components.core.space import NEGATIVES, Floats, Ints
from components.deep._catalogue_model import CatalogueConfig, CatalogueModel
from components.deep._numpy_layers import attention, dense, directions, gelu, layer_norm
from components.deep._sequences import last_windows

if TYPE_CHECKING:
    from components.deep._bert4rec_training import Bert4RecTrainer


class Bert4RecConfig(CatalogueConfig):
    """The network, and what is masked.

    max_length   slots that are read: the last baskets, and the one to be filled in
    blocks       attention layers of `heads` heads each; heads must divide embedding_size
    mask_share   of the baskets, in training
    last_share   how often the last basket is among them
    temperature  of the cosine: logit = cosine / temperature + bias
    contrast     weight of the loss that tells two maskings of one history from other histories; 0: none
    """

    space: ClassVar = CatalogueConfig.space | {
        "blocks": Ints(1, 3),
        "mask_share": Floats(0.1, 0.6),
        "temperature": Floats(0.03, 0.3, log=True),
        "negatives": NEGATIVES,
    }
    max_length: int = Field(default=50, ge=2, le=1000)
    blocks: int = Field(default=2, ge=1, le=8)
    heads: int = Field(default=2, ge=1, le=16)
    mask_share: float = Field(default=0.3, gt=0, lt=1)
    last_share: float = Field(default=0.5, ge=0, le=1)
    temperature: float = Field(default=0.07, gt=0, le=10)
    contrast: float = Field(default=0.0, ge=0, le=10)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    batch_size: int = Field(default=128, ge=1)
    epochs: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _heads_divide_the_embedding(self) -> Bert4RecConfig:
        if self.embedding_size % self.heads:
            raise ValueError(f"heads {self.heads} must divide embedding_size {self.embedding_size}")
        return self


class Bert4Rec(CatalogueModel, VectorModel):
    """Blocks of attention and a two-layer network, each after a layer norm and beside a shortcut."""

    version = 3
    Config = Bert4RecConfig
    capabilities = Capabilities(uses_order=True)

    def step_cells(self, negatives: int) -> float:
        """Logits of the masked slots, and what every block keeps of every slot and of slot to slot."""
        config = self.config
        slots = float(config.batch_size) * config.max_length
        block = slots * (16 * config.embedding_size + 2 * config.heads * config.max_length)
        return slots * config.mask_share * negatives + (1 + bool(config.contrast)) * config.blocks * block

    def catalogue_cells(self, n_users: int, n_items: int) -> float:
        """Every item's direction."""
        return n_items * float(self.config.embedding_size)

    def trainer(self, data: Dataset, rng: np.random.Generator) -> Bert4RecTrainer:
        """Item vectors start as the leading directions of who bought what."""
        from components.deep._bert4rec_training import Bert4RecTrainer

        return Bert4RecTrainer(data.histories, self.n_items, self.config, rng)

    def logits(self, histories: Histories) -> np.ndarray:
        """Cosine of the state at a masked slot after the history and the item, over the temperature, + the bias."""
        products = self._states(histories) @ directions(self.weights["item_embeddings"]).T
        return products / np.float32(self.config.temperature) + self.weights["item_biases"]

    def item_vectors(self) -> np.ndarray:
        """The embeddings' directions, and the biases."""
        return with_biases(directions(self.weights["item_embeddings"]), self.weights["item_biases"])

    def queries(self, histories: Histories) -> np.ndarray:
        """The states' directions over the temperature."""
        return with_ones(self._states(histories) / np.float32(self.config.temperature))

    def _states(self, histories: Histories) -> np.ndarray:
        w, config = self.weights, self.config
        windows = last_windows(histories, config.max_length - 1)
        vectors = windows.basket_vectors(w["item_embeddings"])
        asked = np.broadcast_to(w["mask_vector"], (len(histories), 1, config.embedding_size))
        known = np.pad(windows.sizes > 0, ((0, 0), (0, 1)), constant_values=True)
        return directions(self.encode(np.concatenate((vectors, asked), axis=1), known))

    def encode(self, vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
        """(n, d): the last slot's state from slots (n, slots, d), of which bool (n, slots) are known."""
        w, slots = self.weights, vectors.shape[1]
        x = vectors * np.float32(np.sqrt(vectors.shape[2])) + w["positions.embeddings"][-slots:]
        allowed = np.repeat(known[:, None], slots, axis=1)
        for block in range(self.config.blocks):
            keys = layer_norm(x, w, f"attention_norm_{block}")
            queries = keys
            if block == self.config.blocks - 1:  # only the last slot is asked for
                x, queries, allowed = x[:, -1:], keys[:, -1:], allowed[:, -1:]
            x = x + attention(queries, keys, allowed, w, f"attention_{block}")
            hidden = layer_norm(x, w, f"dense_norm_{block}")
            x = x + dense(gelu(dense(hidden, w, f"hidden_{block}")), w, f"dense_{block}")
        return layer_norm(x, w, "last_norm")[:, 0]
