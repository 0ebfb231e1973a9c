"""Why an item stands in a list: what of the user's past leads to it, and which features raised its score most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.core.dataset import Histories
from components.ranking.hybrid import Hybrid

LOOKED_AT = 50  # of a user's items, the last ones
MODEL = "item_knn"  # says which past items lead to an item


@dataclass(frozen=True)
class Reason:
    """Why one item is recommended.

    item       catalogue index
    because    catalogue indices of the user's own items that lead to it, strongest first; empty where none does
    features   (name, what it added to the score), largest first; only what added something
    """

    item: int
    because: list[int]
    features: list[tuple[str, float]]


def reasons(
    hybrid: Hybrid, history: Histories, items: np.ndarray, most: int = 3, allowed: np.ndarray | None = None
) -> list[Reason]:
    """Reasons for some of one user's candidates, in the order of `items`; items that are no candidates have none.

    history  one row
    items    int (m,), catalogue indices without -1
    allowed  bool (n_items,), what the list was drawn from, as it was given to the hybrid
    """
    candidates = hybrid.propose(history, allowed)
    candidates = candidates.keep(np.isin(candidates.items, items))
    names, features = hybrid.features(history, candidates)
    added = hybrid.ranker.contributions(features) if len(features) else np.zeros((0, len(names)))
    row_of = {int(item): row for row, item in enumerate(candidates.items)}
    leading = _leading(hybrid, history, items, most)
    return [
        Reason(int(item), leading[at], _largest(names, added[row_of[item]], most) if item in row_of else [])
        for at, item in enumerate(items.tolist())
    ]


def _leading(hybrid: Hybrid, history: Histories, items: np.ndarray, most: int) -> list[list[int]]:
    """For each item, the past items whose own neighbour it is, strongest first."""
    if MODEL not in hybrid.models or not len(history.items):
        return [[] for _ in items]
    past = np.array(list(dict.fromkeys(history.items[::-1].tolist()))[:LOOKED_AT], dtype=np.int32)
    alone = Histories.of([[item] for item in past], [[0]] * len(past), now=1)
    strength = hybrid.models[MODEL].score(alone)[:, items]
    strength[past[:, None] == items[None]] = 0  # an item is no reason for itself
    order = np.argsort(-strength, axis=0, kind="stable")[:most]
    return [[int(past[row]) for row in order[:, at] if strength[row, at] > 0] for at in range(len(items))]


def _largest(names: list[str], added: np.ndarray, most: int) -> list[tuple[str, float]]:
    order = np.argsort(-added, kind="stable")[:most]
    return [(names[at], float(added[at])) for at in order if added[at] > 0]
