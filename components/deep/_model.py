"""What GRU4Rec and SASRec share as models: fit through the training loop, score in numpy."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from components.core.dataset import Dataset, Histories
from components.core.forms import VectorModel, with_biases, with_ones
from components.core.memory import Part
from components.core.model import Capabilities
from components.deep import _memory
from components.deep._config import SequenceConfig
from components.deep._later import NOTHING_LATER
from components.deep._numpy_layers import directions
from components.deep._sequences import last_windows
from components.deep._softmax_model import SoftmaxModel

SCORED_AT_ONCE = 256  # users whose logits of the whole catalogue are in memory at once, when an epoch is judged
ENCODER_COPIES = 8  # arrays of the size of its input that a layer of the encoder keeps


class SequenceModel(SoftmaxModel, VectorModel):
    """Next baskets from the last baskets: logit = state · item embedding, or their cosine over `temperature`, + bias.

    An empty history has the state 0: its scores follow the item biases, a smoothed popularity. Weights by
    <layer>.<weight>, item_embeddings (n_items, d) and item_biases (n_items,); curves: train_loss (sampled softmax) and,
    where something is kept back, validation_loss (full softmax), in nats, and validation_gain (`mean_gain`).
    """

    score_block = 256
    capabilities: ClassVar[Capabilities] = Capabilities(uses_order=True)
    config: SequenceConfig

    @staticmethod
    @abstractmethod
    def encoder(config: Any, rng: np.random.Generator) -> Any:
        """The Keras graph: basket vectors (w, length, d) and a mask (w, length) to states (w, length, d)."""

    @abstractmethod
    def encode(self, vectors: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The last slot's state (n, d) of the same graph, in numpy."""

    def memory(self, data: Dataset) -> list[Part]:
        """Of the weights, their start, a training step, and the logits by which the epoch is chosen."""
        config, n = self.config, len(data.items)
        size, logits = config.embedding_size, config.queries * (config.negatives or n)
        few = f"use fewer negatives ({config.negatives})" if config.negatives else "use some negatives (0 takes all)"
        smaller = f"use a smaller embedding_size ({size})"
        baskets = max(1, int(data.histories.basket_starts.sum()))
        pairs = config.queries * min(config.horizon, baskets) * len(data.histories.items) / baskets
        kept_back = SCORED_AT_ONCE * n if config.best_by != "last" else 0
        return [
            _memory.weights(n * (size + 1.0), smaller),
            _memory.start(len(data.users), n, size, smaller),
            _memory.step(logits, f"{few} or fewer queries ({config.queries})"),
            _memory.step(pairs * size, f"use fewer queries ({config.queries}) or a smaller horizon ({config.horizon})"),
            _memory.step(self.activations(), f"use a smaller batch_size ({config.batch_size})"),
            _memory.step(kept_back, "use best_by: last, which keeps nothing back"),
        ]

    def activations(self) -> float:
        """Cells of what the encoder keeps of one batch for its gradient."""
        config = self.config
        return float(config.batch_size) * config.max_length * config.embedding_size * ENCODER_COPIES

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        from components.deep._journal import Journal, key_of
        from components.deep._training import train

        journal = None
        if self.journal_folder is not None:
            key = key_of(self, data, rng)
            journal = Journal(self.journal_folder, key)
        trained = train(self.encoder, data.histories, self.n_items, self.config, rng, journal, self.deadline)
        self.weights = trained.weights
        self._curves = trained.curves
        epochs = len(trained.train_loss)
        said = [NOTHING_LATER] if trained.nothing_later else []
        said += [self.stopped(epochs)] if trained.cut_short else []
        self._remarks = [f"{self.component()}: {words}" for words in said]

    def logits(self, histories: Histories) -> np.ndarray:
        """float32 (n, n_items): state · item embedding, or their cosine over the temperature, + item bias."""
        return self._states(histories) @ self._embeddings().T + self.weights["item_biases"]

    def item_vectors(self) -> np.ndarray:
        """Embeddings, of length 1 where there is a temperature, and biases."""
        return with_biases(self._embeddings(), self.weights["item_biases"])

    def queries(self, histories: Histories) -> np.ndarray:
        """The states after the last basket."""
        return with_ones(self._states(histories))

    def _embeddings(self) -> np.ndarray:
        items = self.weights["item_embeddings"]
        return items if self.config.temperature is None else directions(items)

    def _states(self, histories: Histories) -> np.ndarray:
        windows = last_windows(histories, self.config.max_length)
        mask = windows.sizes > 0
        states = self.encode(windows.basket_vectors(self.weights["item_embeddings"]), mask)
        states = np.where(mask[:, -1:], states, 0)
        if self.config.temperature is not None:
            states = directions(states) / np.float32(self.config.temperature)
        return states
