"""DeepFM: a factorisation machine, and beside it a network that reads the same embeddings.

Use it where FM falls short because what matters is not a product of two fields. The fields are FM's.
Cost: per epoch examples × negatives × the two hidden layers; scoring, in numpy, the layers for every user and item.
Source: Guo et al. 2017, arXiv:1703.04247.
"""

from __future__ import annotations

from pydantic import Field

from components.core.model import Capabilities
from components.deep._pair_model import Form, PairConfig, PairModel, Width


class DeepFmConfig(PairConfig):
    """hidden_sizes: of the network's two layers."""

    hidden_sizes: tuple[Width, Width] = (32, 16)
    negatives: int = Field(default=256, ge=0)


class DeepFm(PairModel):
    """Shared embeddings, product and network added up."""

    version = 2
    Config = DeepFmConfig
    capabilities = Capabilities(uses_order=True, uses_content=True)

    @property
    def form(self) -> Form:
        """With a network over the shared embeddings."""
        return Form(hidden=self.config.hidden_sizes)
