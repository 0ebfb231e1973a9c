"""SASRec: self-attention over a user's baskets foretells the next ones.

Use it where far-back baskets matter as much as the last one. A step is a basket (the scaled sum
of its items' embeddings), because the lines of a basket have no order; a basket attends to itself and the ones before.
Cost: training about 20 s on one core (Keras on TensorFlow); scoring in numpy, quadratic in max_length.
Source: Kang & McAuley 2018, arXiv:1808.09781, with a sampled softmax (Klenitskiy & Vasilev 2023, arXiv:2309.07602).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from components.core.space import Choice, Ints
from components.deep._config import SequenceConfig
from components.deep._model import SequenceModel
from components.deep._numpy_layers import LAYER_NORM_EPSILON, attention, dense, gelu, layer_norm

START_SCALE = 0.1  # of the states, so that the first logits are close to the items' popularity


class SasRecConfig(SequenceConfig):
    """blocks attention layers of `heads` heads each; heads must divide embedding_size."""

    space: ClassVar = SequenceConfig.space | {"blocks": Ints(1, 3), "heads": Choice((1, 2, 4))}
    blocks: int = Field(default=1, ge=1, le=8)
    heads: int = Field(default=2, ge=1, le=16)

    @model_validator(mode="after")
    def _heads_divide_the_embedding(self) -> SasRecConfig:
        if self.embedding_size % self.heads:
            raise ValueError(f"heads {self.heads} must divide embedding_size {self.embedding_size}")
        return self


class SasRec(SequenceModel):
    """Blocks of attention and a two-layer network, each after a layer norm and beside a shortcut."""

    version = 3
    Config = SasRecConfig

    def activations(self) -> float:
        """Those of every block, with its attention of slot to slot."""
        config = self.config
        attention = float(config.batch_size) * config.heads * config.max_length**2
        return config.blocks * (2 * super().activations() + 2 * attention)

    @staticmethod
    def encoder(config: SasRecConfig, rng: np.random.Generator) -> Any:
        """Positions, then the blocks, then a layer norm; returns a keras.Model."""
        import keras

        size, length = config.embedding_size, config.max_length

        def seed() -> int:
            return int(rng.integers(2**31))

        def glorot() -> Any:
            return keras.initializers.GlorotUniform(seed())

        def dropped(x: Any, share: float = config.dropout) -> Any:
            return keras.layers.Dropout(share, seed=seed())(x)

        def normed(x: Any, name: str, scale: float = 1.0) -> Any:
            gamma = keras.initializers.Constant(scale)
            return keras.layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, gamma_initializer=gamma, name=name)(x)

        vectors = keras.Input((None, size))
        mask = keras.Input((None,), dtype="bool")
        near = keras.initializers.RandomNormal(stddev=0.02, seed=seed())
        positions = keras.layers.Embedding(length, size, embeddings_initializer=near, name="positions")
        places = length - keras.ops.flip(keras.ops.cumsum(keras.ops.ones_like(mask, dtype="int32"), axis=1), axis=1)
        x = dropped(vectors * math.sqrt(size) + positions(places), config.input_dropout_share)
        for block in range(config.blocks):
            queries = normed(x, f"attention_norm_{block}")
            mixed = keras.layers.MultiHeadAttention(
                config.heads,
                size // config.heads,
                dropout=config.dropout,
                kernel_initializer=glorot(),
                seed=seed(),
                name=f"attention_{block}",
            )(queries, queries, attention_mask=keras.ops.expand_dims(mask, 1), use_causal_mask=True)
            x = x + dropped(mixed)
            hidden = normed(x, f"dense_norm_{block}")
            hidden = keras.layers.Dense(size, "gelu", kernel_initializer=glorot(), name=f"hidden_{block}")(hidden)
            hidden = keras.layers.Dense(size, kernel_initializer=glorot(), name=f"dense_{block}")(dropped(hidden))
            x = x + dropped(hidden)
        return keras.Model([vectors, mask], normed(x, "last_norm", START_SCALE))

    def encode(self, vectors: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The same, for the last slot; fewer slots than max_length are the right-most ones."""
        length = vectors.shape[1]
        x = vectors * np.float32(math.sqrt(vectors.shape[2])) + self.weights["positions.embeddings"][-length:]
        allowed = np.tril(np.ones((length, length), dtype=bool)) & mask[:, None]
        for block in range(self.config.blocks):
            keys = layer_norm(x, self.weights, f"attention_norm_{block}")
            if block == self.config.blocks - 1:  # only the last slot is asked for
                x, queries, allowed = x[:, -1:], keys[:, -1:], allowed[:, -1:]
            else:
                queries = keys
            x = x + attention(queries, keys, allowed, self.weights, f"attention_{block}")
            hidden = layer_norm(x, self.weights, f"dense_norm_{block}")
            hidden = gelu(dense(hidden, self.weights, f"hidden_{block}"))
            x = x + dense(hidden, self.weights, f"dense_{block}")
        return layer_norm(x, self.weights, "last_norm")[:, 0]
