"""Which little known items have a chance in one person's list, on a release's own catalogue."""

from __future__ import annotations

import numpy as np

from components.core.dataset import Dataset, Histories
from components.ranking.exploration import ExplorationConfig
from components.ranking.hybrid import Hybrid

EXPLORATION = "exploration"  # in release.json: what differs from none
CONTENT_MODEL = "two_tower"  # orders the pool where the release has it: it knows items by what they are
GROUP = "category"


class Explorer:
    """Read-only, so that any number of threads may ask."""

    def __init__(self, config: ExplorationConfig, hybrid: Hybrid, known: Dataset):
        """known: the histories whose users count as buyers."""
        self.config = config
        self._hybrid = hybrid
        if not config.share:
            return
        n_items, past = len(hybrid.items), known.histories
        pairs = np.unique(past.rows.astype(np.int64) * n_items + past.items) % n_items
        buyers = np.bincount(pairs, minlength=n_items)
        first_sold = np.full(n_items, past.now, dtype=np.int64)
        np.minimum.at(first_sold, past.items, past.times)
        newest = np.argsort(-first_sold, kind="stable")
        self._little_known = newest[buyers[newest] <= config.most_buyers]
        self._group = next((group.of for group in hybrid.context.groups if group.name == GROUP), None)

    def pool(self, history: Histories, listed: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
        """int, at most `pool` little known items that may stand: of the groups of the person's own items where there
        are any such, the content model's best first, else the newest first.

        history  one row
        listed   int, catalogue indices that stand in the list already
        allowed  bool (n_items,); None: all
        """
        items = self._little_known
        if allowed is not None:
            items = items[allowed[items]]
        items = items[~np.isin(items, np.concatenate((listed, history.items)))]
        if self._group is not None and len(history.items):
            own = items[np.isin(self._group[items], self._group[history.items])]
            items = own if len(own) else items
        model = self._hybrid.models.get(CONTENT_MODEL)
        if model is not None and len(history.items) and len(items):
            scores = self._hybrid.retrieval.evidence(CONTENT_MODEL, model, history).at(np.zeros(len(items), int), items)
            items = items[np.argsort(-scores, kind="stable")]
        return items[: self.config.pool]
