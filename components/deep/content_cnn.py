"""Content CNN: the words of an item's title through a convolution, beside its attributes, against the user's history.

Use it where titles say what attributes do not; Chinese titles are read by characters. No item has a vector of its own.
Cost: as two_tower, and three words at a time over every title that a step needs.
Source: Kim 2014 (doi:10.3115/v1/D14-1181); for recommendation Kim et al. 2016 (doi:10.1145/2959100.2959165).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.core.model import Capabilities
from components.deep.content_mlp import ContentMlpConfig
from components.deep.two_tower import TwoTower


class ContentCnnConfig(ContentMlpConfig):
    """The options of two_tower; titles must be there."""

    text: Literal["cnn"] = "cnn"
    item_hidden_size: int = Field(default=0, ge=0, le=2048)


class ContentCnn(TwoTower):
    """The user's tower against a convolution over the title, and the attributes."""

    version = 2
    Config = ContentCnnConfig
    capabilities = Capabilities(uses_order=True, uses_content=True, starts_from="start_from")
