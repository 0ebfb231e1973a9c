"""User-kNN: what the users with the most similar past bought.

Use it where users are few and their histories long. The history that is scored counts as one more neighbour
(own_weight), for fitted and for new users alike; so a fitted user's own row must not count a second time: it is
left out wherever the histories say which user they belong to (`Histories.users`). A history sent without that
(users = -1) is taken for a new user's.
Cost: fitting stores the training matrix; scoring one user costs one product with it.
Source: Herlocker et al. 1999 (doi:10.1145/312624.312682), for purchases instead of ratings.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import keep_largest_stored, largest_of_product, scale_columns, unit_rows
from components.cf._recency import RecencyConfig, RecencyModel
from components.core.bundle import pack_csr, unpack_csr
from components.core.dataset import Dataset, Histories
from components.core.forms import SparseModel
from components.core.model import Capabilities
from components.core.space import NEIGHBOURS, Choice, Floats


class UserKnnConfig(RecencyConfig):
    """neighbours are other users; own_weight is what the user's own past counts, where a neighbour counts 0 … 1.

    rarity_exponent: users are compared by their items, each weighing (number of buyers) ** -rarity_exponent, so that
    what everybody buys makes nobody alike. shrinkage, in events, pulls users of short histories away from everybody.
    closeness raises similarities to a power: above 1 the nearest count more than their share.
    half_life_days and basket_decay weigh purchases on both sides.
    """

    space: ClassVar = RecencyConfig.space | {
        "neighbours": NEIGHBOURS,
        "own_weight": Choice((0, 0.1, 0.3, 1, 3, 10, 30, 100)),
        "rarity_exponent": Floats(0, 1),
        "shrinkage": Floats(0, 20),
        "closeness": Floats(0.5, 3),
    }
    neighbours: int = Field(default=50, ge=1)
    own_weight: float = Field(default=30, ge=0)
    rarity_exponent: float = Field(default=0, ge=0, le=2)
    shrinkage: float = Field(default=0, ge=0)
    closeness: float = Field(default=1, gt=0, le=10)


class UserKnn(SparseModel, RecencyModel):
    """Similarity-weighted purchases of the nearest users."""

    version = 2
    Config = UserKnnConfig
    capabilities = Capabilities(uses_time=True)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        buyers = np.maximum(np.asarray(data.histories.matrix(self.n_items, binary=True).sum(axis=0)).ravel(), 1)
        self.rarity = (buyers**-self.config.rarity_exponent).astype(np.float32)
        self._set(self._profiles(data.histories))

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Neighbours' and own purchases; 0 for items that none of them bought."""
        profiles = self._profiles(histories)
        # One more than asked for: where the user is a fitted one, the nearest is the user.
        others = largest_of_product(self._compared(profiles), self._by_item, self.config.neighbours + 1)
        others = _nearest_but(others, histories.users, self.config.neighbours)
        others.data **= self.config.closeness
        return others @ self.users + self.config.own_weight * profiles

    def state(self) -> dict[str, np.ndarray]:
        """users: CSR (fitted users, n_items), rows of length 1; rarity: float32 (n_items,)."""
        return pack_csr("users", self.users) | {"rarity": self.rarity}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the fitted users."""
        self.rarity = arrays["rarity"]
        self._set(unpack_csr("users", arrays))

    def _set(self, users: sp.csr_matrix) -> None:
        self.users = users
        self._by_item = sp.csr_matrix(self._compared(users).T)

    def _profiles(self, histories: Histories) -> sp.csr_matrix:
        """Roots of the purchases, so that milk does not decide alone; rows of length 1."""
        return unit_rows(self.recent(histories).sqrt())

    def _compared(self, profiles: sp.csr_matrix) -> sp.csr_matrix:
        """What similarity is the inner product of: profiles by the rarity of the items."""
        config = self.config
        if config.rarity_exponent:
            profiles = unit_rows(scale_columns(profiles, np.sqrt(self.rarity)))
        if not config.shrinkage:
            return profiles
        lengths = np.diff(profiles.indptr)
        return sp.csr_matrix(profiles.multiply(np.sqrt(lengths / (lengths + config.shrinkage))[:, None]))


def _nearest_but(others: sp.csr_matrix, users: np.ndarray, n: int) -> sp.csr_matrix:
    """At most n values per row, the largest, without column users[row]; of equal ones, the first."""
    own = np.repeat(users, np.diff(others.indptr)) == others.indices
    others.data[own] = 0
    return keep_largest_stored(others, n)
