"""Personalised search: of what was found, what this person is likely to buy comes forward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.release.release import Question, Release
from components.search.engine import Hits
from components.search.fusion import fuse

LOOKED_AT = 50  # found items that may change places
PERSONAL_WEIGHT = 0.5  # of the person's order against that of the words


def reordered(release: Release, who: Question, item_ids: Sequence[str]) -> np.ndarray | None:
    """The order in which to show found items: both orders fused by reciprocal rank; None where nothing is known.

    item_ids  what was found, best first; those the recommender does not know keep the place that the words gave them
    Returns   int (items,), a permutation; what lies behind the first 50 stays where it is
    """
    history = release.history(who)
    if not len(history.items):
        return None
    places = {release.hybrid.items.index(item): at for at, item in enumerate(item_ids[:LOOKED_AT])}
    places.pop(-1, None)
    if len(places) < 2:
        return None
    allowed = np.zeros(len(release.hybrid.items), dtype=bool)
    known = np.array(list(places))
    allowed[known] = True
    liked = release.hybrid.orders(history, allowed=allowed)[0].scores_of(known)
    personal = np.array(list(places.values()), np.int32)[np.argsort(-liked, kind="stable")]
    found = np.arange(min(len(item_ids), LOOKED_AT), dtype=np.int32)
    first = fuse([(Hits(found, found), 1.0), (Hits(personal, personal), PERSONAL_WEIGHT)], LOOKED_AT).rows
    return np.concatenate([first, np.arange(len(found), len(item_ids))]).astype(np.int64)
