"""Content MLP: what an item is, through a network, against the user's pooled history; no item has a vector of its own.

Use it to rank what nobody bought yet beside what everybody did, and to see what content alone is worth: it knows an
item by its attributes and its vectors only, so that a new one is as good as an old one. Two towers (`two_tower`) with
the id left out and a hidden layer over the item.
Cost: as two_tower. Source: Covington et al. 2016 (doi:10.1145/2959100.2959190), content features through a network.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from components.core.model import Capabilities
from components.core.space import Choice
from components.deep.two_tower import TwoTower, TwoTowerConfig

NEVER = 2_000_000_000  # purchases before an item gets a vector of its own


class ContentMlpConfig(TwoTowerConfig):
    """The options of two_tower; content must be there."""

    space: ClassVar = {name: part for name, part in TwoTowerConfig.space.items() if name != "id_dropout"} | {
        "item_hidden_size": Choice((64, 128, 256))
    }
    content: Literal["require"] = "require"
    min_events: int = Field(default=NEVER, ge=NEVER, description="an item never gets a vector of its own")
    id_dropout: float = Field(default=0.0, ge=0, le=0)
    item_hidden_size: int = Field(default=128, ge=1, le=2048)


class ContentMlp(TwoTower):
    """The user's tower against a network over attributes and vectors."""

    version = 2
    Config = ContentMlpConfig
    capabilities = Capabilities(uses_order=True, uses_content=True, starts_from="start_from")
