"""Popularity by category: the best sellers of the categories a user buys from, in proportion to his own shares.

Use it for items that are new to a user where categories say what he buys at all, and as a list that can be told
without any model: "popular in Dairy". Without a history, or where no categories are known, it is popularity.
Cost: one pass over the events. Source: no paper; the next oldest recommender after popularity.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._neighbours import inverse, says_nothing, scale_rows
from components.cf.popularity import decayed_users
from components.core.bundle import pack_csr, unpack_csr
from components.core.config import Config
from components.core.content import ItemContent
from components.core.dataset import Dataset, Histories
from components.core.errors import did_you_mean
from components.core.forms import SparseModel
from components.core.model import Capabilities
from components.core.space import HALF_LIFE, Choice, Ints


class CategoryPopularityConfig(Config):
    """group is what parts the catalogue: category, department, subcategory, brand or price_band.

    half_life_days halves what a buyer counts for an item every so many days since he bought it; None does not.
    history_half_life_days does so in the user's own shares.
    items_per_group are proposed, the most popular ones.
    """

    space: ClassVar = {
        "group": Choice(("department", "category", "subcategory")),
        "half_life_days": HALF_LIFE,
        "history_half_life_days": HALF_LIFE,
        "items_per_group": Ints(10, 500, log=True),
    }
    group: str = Field(default="category", min_length=1, max_length=100)
    half_life_days: float | None = Field(default=28, gt=0)
    history_half_life_days: float | None = Field(default=120, gt=0)
    items_per_group: int = Field(default=100, ge=1, le=100_000)


class CategoryPopularity(SparseModel):
    """The user's share of a category times the item's share of its buyers; items without one share one of their own."""

    version = 1
    Config = CategoryPopularityConfig
    capabilities = Capabilities(uses_time=True, uses_content=True)

    _remarks: tuple[str, ...] = ()

    def remarks(self) -> list[str]:
        """Where the catalogue is not parted, though it is by other groups."""
        return list(self._remarks)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        self._remarks = _unparted(data.content, self.config.group)
        buyers = decayed_users(data.histories, self.n_items, self.config.half_life_days)
        self.group_of = _groups(data.content, self.config.group, self.n_items)
        in_group = np.bincount(self.group_of, buyers)
        self.usual_shares = (in_group / (in_group.sum() or 1)).astype(np.float32)
        kept = np.flatnonzero(_places(buyers, self.group_of) < self.config.items_per_group)
        kept = kept[buyers[kept] > 0]
        shares = (buyers[kept] / in_group[self.group_of[kept]]).astype(np.float32)
        self.popular = sp.csr_matrix((shares, (self.group_of[kept], kept)), shape=(len(in_group), self.n_items))

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Shares times popularity; 0 for what is in no category of the user's, or none of its best sellers."""
        bought = histories.matrix(self.n_items, half_life_days=self.config.history_half_life_days)
        ones = np.ones(self.n_items, dtype=np.float32)
        shape = (self.n_items, len(self.usual_shares))
        shares = bought @ sp.csr_matrix((ones, (np.arange(self.n_items), self.group_of)), shape=shape)
        total = np.asarray(shares.sum(axis=1)).ravel()
        shares = scale_rows(sp.csr_matrix(shares), inverse(total))
        usual = sp.csr_matrix(says_nothing(total).astype(np.float32)[:, None] * self.usual_shares)
        return sp.csr_matrix((shares + usual) @ self.popular)

    def state(self) -> dict[str, np.ndarray]:
        """group_of int32 (n_items,); usual_shares float32 (n_groups,); popular CSR (n_groups, n_items)."""
        return {"group_of": self.group_of, "usual_shares": self.usual_shares} | pack_csr("popular", self.popular)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the groups and their best sellers."""
        self.group_of, self.usual_shares = arrays["group_of"], arrays["usual_shares"]
        self.popular = unpack_csr("popular", arrays)


def _unparted(content: ItemContent | None, name: str) -> tuple[str, ...]:
    """Nothing where the items have such groups, or no groups at all; else a word."""
    if content is None or not content.codes or name in content.codes:
        return ()
    hint = did_you_mean(name, content.codes)
    return (f"category_popularity: group: items have no {name}, so it is popularity; {hint}",)


def _groups(content: ItemContent | None, name: str, n_items: int) -> np.ndarray:
    """int32 (n_items,), 0 for items of no group; all are where the shop has no such groups."""
    codes = None if content is None else content.codes.get(name)
    return np.zeros(n_items, np.int32) if codes is None else (codes + 1).astype(np.int32)


def _places(buyers: np.ndarray, group_of: np.ndarray) -> np.ndarray:
    """int (n_items,), place of each item in its group, most buyers first, from 0."""
    order = np.lexsort((-buyers, group_of))
    starts = np.searchsorted(group_of[order], np.arange(group_of.max(initial=0) + 1))
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order)) - starts[group_of[order]]
    return places
