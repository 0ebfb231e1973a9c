"""FM: a factorisation machine over the fields of a user and an item; scoring is one matrix product.

Use it as the cheapest model that joins history, item attributes and the moment. Fields: the history (pooled, the latest
baskets weighing most, so that a new user is served as a fitted one), hour and weekday if asked for, the item, and its
attributes where the data set has content. The terms between two fields of the user are left out: they are the same for
every item.
Cost: per epoch examples × negatives × embedding_size operations.
Source: Rendle 2010 (doi:10.1109/ICDM.2010.127).
"""

from __future__ import annotations

from components.core.model import Capabilities
from components.deep._pair_model import PairConfig, PairModel


class FmConfig(PairConfig):
    """The options of every model of pairs."""


class Fm(PairModel):
    """First- and second-order terms, no network."""

    version = 2
    Config = FmConfig
    capabilities = Capabilities(uses_order=True, uses_content=True)
