"""GRU4Rec: a recurrent network reads a user's baskets and foretells the next ones.

Use it where the order of events says what comes next. A step is a basket (the scaled sum of
its items' embeddings), as in DREAM, because the lines of a basket have no order; items are scored against tied
embeddings with a sampled softmax.
Cost: training about 20 s on one core (Keras on TensorFlow); scoring in numpy, a loop over the baskets.
Source: Hidasi et al. 2016, arXiv:1511.06939; Hidasi & Karatzoglou 2018, arXiv:1706.03847; Yu et al. 2016 (DREAM).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from components.deep._config import SequenceConfig
from components.deep._model import SequenceModel
from components.deep._numpy_layers import gru, lstm, rnn

# Cell → its numpy form, and where Keras keeps its weights.
CELLS = {"gru": (gru, "gru.gru_cell"), "lstm": (lstm, "lstm.lstm_cell"), "rnn": (rnn, "rnn.simple_rnn_cell")}


class Gru4RecConfig(SequenceConfig):
    """The options of every sequence model; cell: gated recurrent unit, long short-term memory, or plain recurrence."""

    cell: Literal["gru", "lstm", "rnn"] = "gru"


class Gru4Rec(SequenceModel):
    """One recurrent layer over basket embeddings."""

    version = 1
    Config = Gru4RecConfig

    @staticmethod
    def encoder(config: Gru4RecConfig, rng: np.random.Generator) -> Any:
        """Dropout, then one recurrent layer; returns a keras.Model."""
        import keras

        seeds = rng.integers(2**31, size=3).tolist()
        vectors = keras.Input((None, config.embedding_size))
        mask = keras.Input((None,), dtype="bool")
        x = keras.layers.Dropout(config.input_dropout_share, seed=seeds[0])(vectors)
        layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}[config.cell]
        states = layer(
            config.embedding_size,
            return_sequences=True,
            kernel_initializer=keras.initializers.GlorotUniform(seeds[1]),
            recurrent_initializer=keras.initializers.Orthogonal(seed=seeds[2]),
            name=config.cell,
        )(x, mask=mask)
        return keras.Model([vectors, mask], states)

    def encode(self, vectors: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The layer's last state."""
        read, name = CELLS[self.config.cell]
        return read(vectors, mask, self.weights, name)
