"""How a recommender is measured: every user of the target window, the whole catalogue, two views.

"all" ranks everything: users buy again what they bought. "new" leaves out of lists and of relevant items what
the user had bought before the cut-off. Users with nothing relevant in a view do not count in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from components.core.dataset import Dataset, Histories
from components.core.ranking import ALL, NEW, exclude, top_k
from components.metrics import ranking as metrics
from components.metrics.intervals import coverage_interval
from components.splits.store import Target

VIEWS = (ALL, NEW)
VIEW_WORDS = {ALL: "all items", NEW: "items new to the user"}
CUTOFF = 10

# One pass over a block of histories gives the lists of both views.
Lists = dict[str, np.ndarray]
Lister = Callable[[Histories], Lists]


@dataclass(frozen=True)
class Task:
    """The users to serve and what they went on to buy.

    user_ids   text (n,), who they are
    histories  one row per evaluated user
    relevant   view → CSR (n, n_items), 1 where the user bought the item in the target window
    """

    user_ids: np.ndarray
    histories: Histories
    relevant: dict[str, sp.csr_matrix]
    n_items: int

    def take(self, rows: np.ndarray) -> Task:
        """The task for some of its users."""
        return Task(
            self.user_ids[rows], self.histories.take(rows), {v: m[rows] for v, m in self.relevant.items()}, self.n_items
        )


@dataclass(frozen=True)
class Measured:
    """One recommender in one view.

    per_user  metric name → float64 (n,), NaN where the user does not count
    coverage  share of the catalogue that was shown, with the ends of its interval
    """

    per_user: dict[str, np.ndarray]
    coverage: tuple[float, float, float]


def task(data: Dataset, target: Target) -> Task:
    """The evaluation task of one fold: users of the dataset that bought something in its catalogue.

    data, target  as from splits/store.py: load_questions
    """
    n_items = len(data.items)
    bought = _bought(data, target)
    seen = data.histories.matrix(n_items, binary=True)
    new = bought - bought.multiply(seen)
    new.eliminate_zeros()
    rows = np.flatnonzero(bought.getnnz(axis=1))
    return Task(
        data.users.ids[rows], data.histories.take(rows), {ALL: bought[rows], NEW: sp.csr_matrix(new)[rows]}, n_items
    )


def idle(data: Dataset, target: Target, *, everybody: bool) -> Histories:
    """Those of the dataset's users who were asked and bought nothing in its catalogue: `task` leaves them out.

    everybody  was asked; else those of whom something is held out, for of the others nobody knows
    """
    nothing = _bought(data, target).getnnz(axis=1) == 0
    asked = everybody | np.isin(np.arange(len(nothing)), target.held_out)
    return data.histories.take(np.flatnonzero(nothing & asked))


def _bought(data: Dataset, target: Target) -> sp.csr_matrix:
    shape = (len(data.users), len(data.items))
    return sp.csr_matrix((np.ones(len(target.rows), np.float32), (target.rows, target.items)), shape=shape)


def lists(scores: np.ndarray, histories: Histories, k: int = CUTOFF) -> Lists:
    """Top-k lists of both views from one dense block of scores."""
    return {ALL: top_k(scores, k), NEW: top_k(exclude(scores, histories, seen=True), k)}


def ranked_lists(lister: Lister, histories: Histories) -> Lists:
    """Lists of all histories, computed in blocks so that memory stays bounded."""
    return lists_of_many(lambda block: {"": lister(block)}, histories)[""]


def lists_of_many(
    listers: Callable[[Histories], dict[str, Lists]],
    histories: Histories,
    progress: Callable[[list[Histories]], Iterable[Histories]] = iter,
) -> dict[str, Lists]:
    """Lists of several recommenders, name → lists, in one pass over the blocks, so that they may share scores."""
    blocks = [listers(block) for block in progress(list(histories.blocks()))]
    return {name: {view: np.vstack([block[name][view] for block in blocks]) for view in VIEWS} for name in blocks[0]}


def measure(ranked: np.ndarray, relevant: sp.csr_matrix, n_items: int, k: int = CUTOFF) -> Measured:
    """All metrics of one view.

    ranked    int32 (n, k)
    relevant  CSR (n, n_items)
    """
    n_relevant = relevant.getnnz(axis=1)
    hits = metrics.hits(ranked, relevant)
    per_user = {name: function(hits, n_relevant, k=k) for name, function in metrics.PER_USER.items()}
    return Measured(per_user, coverage_interval(ranked[n_relevant > 0, :k], n_items))
