"""Exploration: now and then one place of a list is given to an item that few people know, by a known chance.

Nobody can buy what is never shown, and a log of lists that are always the same says nothing about other lists. The draw
is a function of the request's id, so that an answer can be made again bit for bit, and every row of the log carries the
probability with which its item stood at its position (its propensity), which off-policy estimates divide by.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from components.core.config import Config


class ExplorationConfig(Config):
    """Off by default: the share is 0, every list is the ranker's and every propensity is 1.

    share        of the answers that show one little known item
    most_buyers  an item that at most so many users bought is little known
    first, last  positions (1 is the top) that may be given away, pinned ones aside
    pool         so many items at most have a chance in one answer
    """

    share: float = Field(default=0.0, ge=0, le=0.5)
    most_buyers: int = Field(default=20, ge=0, le=1_000_000)
    first: int = Field(default=3, ge=1, le=100)
    last: int = Field(default=10, ge=1, le=100)
    pool: int = Field(default=20, ge=1, le=1000)

    @model_validator(mode="after")
    def _in_order(self) -> ExplorationConfig:
        if self.first > self.last:
            raise ValueError(f"first {self.first} is behind last {self.last}")
        return self


@dataclass(frozen=True)
class Drawn:
    """What was drawn for one list.

    at             index of the place that was given away, None where the list stays
    item           catalogue index that stands there, None likewise
    propensities   float64 (k,), the probability that the list's item at each place stands there
    """

    at: int | None
    item: int | None
    propensities: np.ndarray


def draw(config: ExplorationConfig, request_id: str, k: int, kept: np.ndarray, pool: np.ndarray) -> Drawn:
    """Give one of the free places to one item of the pool, with the declared probability; all choices are uniform.

    k     length of the list
    kept  int, indices of places that are pinned
    pool  int, catalogue indices, none of them in the list
    """
    free = np.setdiff1d(np.arange(config.first - 1, min(config.last, k)), kept)
    propensities = np.ones(k)
    if not config.share or not len(free) or not len(pool):
        return Drawn(None, None, propensities)
    propensities[free] = 1 - config.share / len(free)
    seed = hashlib.sha256(request_id.encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:16], "little"))
    if rng.random() >= config.share:
        return Drawn(None, None, propensities)
    at, item = int(rng.choice(free)), int(rng.choice(pool))
    propensities[at] = config.share / (len(free) * len(pool))
    return Drawn(at, item, propensities)
