"""TIFU-kNN: the next basket from a user's own, time-decayed frequencies, mixed with those of the nearest users.

Use it where baskets repeat: it knows how often and how lately a user bought an item, in baskets, and lends a little
from users of the same habits. A fitted user's own row is left out, as in user-kNN.
Cost: fitting stores one sparse vector per user; scoring a user costs one product with them.
Source: Hu, He, Gao & Zhang 2020 (doi:10.1145/3397271.3401066).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import keep_largest
from components.core.baskets import baskets_of
from components.core.bundle import pack_csr, unpack_csr
from components.core.config import Config
from components.core.dataset import BLOCK_USERS, Dataset, Histories
from components.core.memory import DOUBLE, Part
from components.core.model import Capabilities, Model
from components.core.space import Choice, Floats, Ints


class TifuKnnConfig(Config):
    """A user's baskets are cut into groups of group_size, the last group full.

    within_decay is the weight lost per basket within a group, group_decay per group; own_share is what the user's own
    vector counts, the rest is the mean of the neighbours nearest in Euclidean distance.
    """

    space: ClassVar = {
        "group_size": Ints(2, 20),
        "within_decay": Floats(0.5, 1),
        "group_decay": Floats(0.3, 1),
        "own_share": Floats(0.1, 0.95),
        "neighbours": Choice((50, 100, 300, 600)),
    }
    group_size: int = Field(default=7, ge=1)
    within_decay: float = Field(default=0.9, gt=0, le=1)
    group_decay: float = Field(default=0.7, gt=0, le=1)
    own_share: float = Field(default=0.7, ge=0, le=1)
    neighbours: int = Field(default=300, ge=1)


class TifuKnn(Model):
    """Own and neighbours' decayed frequencies."""

    version = 2
    Config = TifuKnnConfig
    capabilities = Capabilities(uses_order=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the distances of a block of users to all fitted ones, once it is asked."""
        cells = float(BLOCK_USERS) * len(data.users)
        return [Part(3 * DOUBLE * cells, "use user_knn, which compares no user with all at once")]

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        self._set(self._vectors(data.histories))

    def score(self, histories: Histories) -> np.ndarray:
        """Decayed frequencies, between 0 and 1; 0 for what neither the user nor a neighbour bought."""
        blocks = [self._score_block(block) for block in histories.blocks(BLOCK_USERS)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.n_items), dtype=np.float32)

    def _score_block(self, histories: Histories) -> np.ndarray:
        vectors, share = self._vectors(histories), self.config.own_share
        nearest = self._nearest(vectors, histories.users)
        mean = nearest.multiply(1 / np.maximum(nearest.sum(axis=1), 1).reshape(-1, 1))
        return (share * vectors + (1 - share) * (sp.csr_matrix(mean) @ self.users)).toarray().astype(np.float32)

    def _nearest(self, vectors: sp.csr_matrix, users: np.ndarray) -> sp.csr_matrix:
        """float32 CSR (n, fitted users): 1 at the nearest fitted users, the user left out."""
        lengths = np.asarray(vectors.multiply(vectors).sum(axis=1))
        distances = np.sqrt(np.maximum(lengths + self._lengths - 2 * (vectors @ self._by_item).toarray(), 0))
        nearness = 1 / (1 + distances)  # 0 … 1, so that `keep_largest` keeps the nearest
        known = np.flatnonzero(users >= 0)
        nearness[known, users[known]] = 0
        nearness[np.diff(vectors.indptr) == 0] = 0  # whoever has bought nothing is like nobody
        nearest = keep_largest(nearness, self.config.neighbours)
        nearest.data[:] = 1
        return nearest

    def state(self) -> dict[str, np.ndarray]:
        """users: CSR (fitted users, n_items), the vectors."""
        return pack_csr("users", self.users)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the vectors."""
        self._set(unpack_csr("users", arrays))

    def _set(self, users: sp.csr_matrix) -> None:
        self.users = users
        self._by_item = sp.csr_matrix(users.T)
        self._lengths = np.asarray(users.multiply(users).sum(axis=1)).ravel()

    def _vectors(self, histories: Histories) -> sp.csr_matrix:
        """float32 CSR (n, n_items): mean over a user's groups of the mean over a group's baskets, both decayed."""
        config, baskets = self.config, baskets_of(histories)
        counts = np.bincount(baskets.rows, minlength=len(histories))
        group, within = np.divmod(baskets.since, config.group_size)
        groups = -(-counts // config.group_size)
        # The oldest group may hold fewer baskets; its mean is over those it has.
        size = np.minimum(config.group_size, counts[baskets.rows] - group * config.group_size)
        weights = config.within_decay**within * config.group_decay**group / (size * groups[baskets.rows])
        shape = (len(histories), len(baskets.rows))
        of_user = sp.csr_matrix((weights.astype(np.float32), (baskets.rows, np.arange(shape[1]))), shape=shape)
        return sp.csr_matrix(of_user @ baskets.contents(self.n_items))
