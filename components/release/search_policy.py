"""The shop's list policy on what is found by words: bans, stock and price band leave items out, pins keep their places.

Diversity, novelty and caps are not asked here: who searches has said what the list is about.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from components.core import schema
from components.release.release import Release
from components.search.engine import PRICE, STOCK, TITLE
from components.search.index import SearchIndex
from components.search.suggest import MOST_TITLES


class SearchPolicy:
    """One release's policy on one index, which may hold items that the release does not know."""

    def __init__(self, release: Release, index: SearchIndex):
        """Items of the release pass as in its lists; others by the price and the stock that the index has of them."""
        policy = release.list_policy
        self._pins = sorted((pin.position - 1, pin.item_id) for pin in policy.config.pins)
        everything = policy.allowed().all() and not policy.config.bans
        self._hidden: frozenset[str] | None = None
        self.kept = None if everything and not self._asks_of_others(release) else _kept(release, index)

    def hidden_titles(self, index: SearchIndex) -> Collection[str]:
        """Titles that only items have which are left out: they are not offered as completions either."""
        if self.kept is None:
            return ()
        if self._hidden is None:
            titles = index.items[TITLE].slice(0, MOST_TITLES).to_pylist()
            kept = self.kept[: len(titles)].tolist()
            shown = {title for title, stays in zip(titles, kept, strict=True) if stays}
            self._hidden = frozenset(title for title in titles if title not in shown)
        return self._hidden

    @property
    def pins(self) -> bool:
        """Whether any item has a place of its own."""
        return bool(self._pins)

    def arranged(self, order: np.ndarray, item_ids: Sequence[str]) -> np.ndarray:
        """The order with every pinned item that was found at its place; what was not found is not pinned anywhere.

        order     int (items,), a permutation, best first
        item_ids  ids by what the order holds
        """
        at = {item_ids[found]: found for found in order.tolist()}
        pins = [(place, at[item]) for place, item in self._pins if item in at]
        rest = [found for found in order.tolist() if found not in {found for _, found in pins}]
        for place, found in pins:  # ascending, so that a place is not moved by a later one
            rest.insert(place, found)
        return np.array(rest, dtype=np.int64)

    @staticmethod
    def _asks_of_others(release: Release) -> bool:
        config = release.list_policy.config
        return config.in_stock or config.price_min is not None or config.price_max is not None


def _kept(release: Release, index: SearchIndex) -> np.ndarray:
    """bool (rows of the index,)."""
    config, ids = release.list_policy.config, np.array(index.items[schema.ITEM_ID].to_pylist(), dtype=np.str_)
    price, stock = (index.items[name].to_numpy().astype(np.float64) for name in (PRICE, STOCK))
    others = ~np.isin(ids, np.array(config.bans, dtype=np.str_)) & config.sells(len(ids), price, stock)
    at = release.hybrid.items.encode(ids)
    return np.where(at >= 0, release.list_policy.allowed()[at.clip(min=0)], others)
