"""User-kNN: what the users with the most similar past bought.

Use it where users are few and their histories long. The history that is scored counts as one more neighbour
(own_weight), for fitted and for new users alike; so a fitted user's own row must not count a second time: it is
left out wherever the histories say which user they belong to (`Histories.users`). A history sent without that
(users = -1) is taken for a new user's.
Cost: fitting stores the training matrix; scoring one user costs one product with it.
Source: Herlocker et al. 1999 (doi:10.1145/312624.312682), for purchases instead of ratings.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import keep_largest, unit_rows
from components.core.bundle import pack_csr, unpack_csr
from components.core.config import Config
from components.core.dataset import Dataset, Histories
from components.core.model import Capabilities, Model


class UserKnnConfig(Config):
    """neighbours are other users; own_weight is what the user's own past counts, where a neighbour counts 0 … 1.

    half_life_days decays purchases on both sides, None counts each as 1.
    """

    neighbours: int = Field(default=50, ge=1)
    own_weight: float = Field(default=30, ge=0)
    half_life_days: float | None = Field(default=120, gt=0)


class UserKnn(Model):
    """Similarity-weighted purchases of the nearest users."""

    version = 1
    Config = UserKnnConfig
    capabilities = Capabilities(uses_time=True)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        self._set(self._profiles(data.histories))

    def score(self, histories: Histories) -> np.ndarray:
        """Neighbours' and own purchases; 0 for items that none of them bought."""
        profiles = self._profiles(histories)
        similarity = (profiles @ self._by_item).toarray()
        known = np.flatnonzero(histories.users >= 0)
        similarity[known, histories.users[known]] = 0
        others = keep_largest(similarity, self.config.neighbours)
        return (others @ self.users + self.config.own_weight * profiles).toarray()

    def state(self) -> dict[str, np.ndarray]:
        """users: CSR (fitted users, n_items), rows of length 1."""
        return pack_csr("users", self.users)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the fitted users."""
        self._set(unpack_csr("users", arrays))

    def _set(self, users: sp.csr_matrix) -> None:
        self.users = users
        self._by_item = sp.csr_matrix(users.T)

    def _profiles(self, histories: Histories) -> sp.csr_matrix:
        """Roots of the purchases, so that milk does not decide alone; rows of length 1."""
        return unit_rows(histories.matrix(self.n_items, half_life_days=self.config.half_life_days).sqrt())
