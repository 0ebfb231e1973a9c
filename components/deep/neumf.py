"""NeuMF: a weighed product of user and item (GMF) beside a network over embeddings of its own (MLP), added up.

Use it to see what a network adds to a product. In the paper a user has a vector of his own; here it is pooled from his
history, the latest baskets weighing most, so that a new user is served as a fitted one.
Cost: per epoch examples × negatives × the two hidden layers; scoring, in numpy, the layers for every user and item.
Source: He et al. 2017, arXiv:1708.05031.
"""

from __future__ import annotations

from pydantic import Field

from components.deep._pair_model import Form, PairConfig, PairModel, Width


class NeuMfConfig(PairConfig):
    """hidden_sizes: of the network's two layers."""

    hidden_sizes: tuple[Width, Width] = (32, 16)
    negatives: int = Field(default=256, ge=0)


class NeuMf(PairModel):
    """Embeddings of its own for either half."""

    version = 2
    Config = NeuMfConfig

    @property
    def form(self) -> Form:
        """With weights on the product's terms, and a network over embeddings of its own."""
        return Form(hidden=self.config.hidden_sizes, shared=False, weighed=True)
