"""Idle users: those who were asked and bought nothing in the target window.

No list of theirs can be right, so they neither train the ranker nor measure it. A probability is told to anybody,
though: it must count them, or it is too high by the share of those who stay away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from components.core.dataset import Histories
from components.core.ranking import ALL
from components.ranking.hybrid import Hybrid
from components.ranking.training import RankConfig, Table, training_table

MOST_TO_ONE = 4  # idle users drawn for each buyer that is held out; more cost time, and weights stand for them


def idle_table(
    hybrid: Hybrid,
    idle: Histories,
    buyers: tuple[int, int],
    config: RankConfig,
    rng: np.random.Generator,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Table | None:
    """Candidates of idle users, as many users as there must be beside the buyers that are held out; None if none.

    buyers  how many there are, and how many of them are held out: idle users are drawn by the same share
    Returns pairs whose weights make the users that were drawn stand for that share of all
    """
    total, held_out = buyers
    share = held_out / max(total, 1)
    n = min(round(share * len(idle)), MOST_TO_ONE * held_out)
    if not n:
        return None
    drawn = idle.take(np.sort(rng.choice(len(idle), n, replace=False)))
    bought = sp.csr_matrix((n, len(hybrid.items)), dtype=np.float32)
    table = training_table(hybrid, drawn, bought, config, rng, progress, views=(ALL,))
    return replace(table, weights=table.weights * np.float32(share * len(idle) / n))
