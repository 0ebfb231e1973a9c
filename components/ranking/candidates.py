"""Candidates: the best items of every model, united."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.core.dataset import Histories
from components.retrieval.evidence import Evidence


@dataclass(frozen=True)
class Candidates:
    """(user row, item) pairs worth ranking, sorted by row and item.

    rows, items  int64 (pairs,)
    seen         bool (pairs,), the item is in the user's history
    scores       model name → float32 (pairs,)
    ranks        model name → float32 (pairs,), 1 + number of the user's unfiltered candidates with a larger score
    strengths    model name → float32 (pairs,), where the score lies between the least (0) and the best (1) of the
                 user's unfiltered candidates: it means the same in every window, whatever the model's scores are
    """

    rows: np.ndarray
    items: np.ndarray
    seen: np.ndarray
    scores: dict[str, np.ndarray]
    ranks: dict[str, np.ndarray]
    strengths: dict[str, np.ndarray]

    def keep(self, mask: np.ndarray) -> Candidates:
        """The pairs where mask, bool (pairs,), is true; what is known of a pair does not change."""
        told = ({name: of[mask] for name, of in each.items()} for each in (self.scores, self.ranks, self.strengths))
        return Candidates(self.rows[mask], self.items[mask], self.seen[mask], *told)


def propose(
    evidence: Mapping[str, Evidence],
    histories: Histories,
    n_items: int,
    per_model: int,
    *,
    allowed: np.ndarray | None = None,
) -> Candidates:
    """Union over the models of the best `per_model` items, and of the best `per_model` items new to the user.

    evidence  model name → what it says of these histories, over a catalogue of n_items
    allowed   bool (n_items,): only these items, drawn from among them; ranks and strengths still refer to the
              unfiltered union, so that a filter leaves out items and changes nothing about the others
    """
    pool = _union(evidence, histories, n_items, per_model, None)
    chosen = pool
    if allowed is not None:
        chosen = np.union1d(pool, _union(evidence, histories, n_items, per_model, allowed))
        chosen = chosen[allowed[chosen % n_items]]
    rows, items = np.divmod(chosen, n_items)
    seen = histories.hold(rows, items, n_items)
    scores = {name: of.at(rows, items) for name, of in evidence.items()}
    of_pool = np.divmod(pool, n_items)
    pools = scores if chosen is pool else {name: of.at(*of_pool) for name, of in evidence.items()}
    ranks = {name: _ranks(of_pool[0], pools[name], rows, scores[name]) for name in evidence}
    return Candidates(rows, items, seen, scores, ranks, _strengths(of_pool[0], pools, rows, scores))


def _union(
    evidence: Mapping[str, Evidence],
    histories: Histories,
    n_items: int,
    per_model: int,
    allowed: np.ndarray | None,
) -> np.ndarray:
    """int64, row · n_items + item of what any model puts among its best, of all items or of new ones; sorted."""
    chosen = [np.zeros(0, dtype=np.int64)]
    for of in evidence.values():
        rows, items = of.best_of_both(per_model, histories, allowed)
        chosen.append(rows.astype(np.int64) * n_items + items)
    return np.unique(np.concatenate(chosen))


def _ranks(pool_rows: np.ndarray, pool_scores: np.ndarray, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """float32 (pairs,): 1 + how many of the row's pool score higher; pool_rows must not decrease."""
    pool = np.sort(_falling(pool_rows, pool_scores))
    higher = np.searchsorted(pool, _falling(rows, scores)) - np.searchsorted(pool_rows, rows)
    return (1 + higher).astype(np.float32)


def _strengths(
    pool_rows: np.ndarray, pools: Mapping[str, np.ndarray], rows: np.ndarray, scores: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """float32 (pairs,) by model: where a score lies between the row's pool's least and best; 0 where they are one."""
    n = 1 + max(int(pool_rows.max(initial=-1)), int(rows.max(initial=-1)))
    least, best = np.zeros((2, len(pools), n), dtype=np.float32)
    starts = np.flatnonzero(np.diff(pool_rows, prepend=-1))
    if len(starts):
        together = np.stack(list(pools.values()))
        least[:, pool_rows[starts]] = np.minimum.reduceat(together, starts, axis=1)
        best[:, pool_rows[starts]] = np.maximum.reduceat(together, starts, axis=1)
    spread = best - least
    apart = np.where(spread > 0, spread, np.float32(np.inf))
    told = (np.stack([scores[name] for name in pools]) - least[:, rows]) / apart[:, rows]
    return dict(zip(pools, np.clip(told, 0, 1).astype(np.float32), strict=True))


def _falling(rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """int64 (pairs,): numbers that rise with the row and, within it, fall with the score, equal for equal scores.

    The bits of a float, read as an integer, order positive floats as they are and negative ones the other way round.
    """
    bits = (0 - scores.astype(np.float32)).view(np.int32).astype(np.int64)  # 0 - x: there is one zero only
    return (rows.astype(np.int64) << 32) + np.where(bits < 0, np.int64(-(2**31)) - bits - 1, bits)
