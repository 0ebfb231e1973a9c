"""Top-k with defined ties, and exclusion of what was seen or is not allowed."""

import numpy as np

from components.core.dataset import Histories

NO_ITEM = -1
ALL, NEW = "all", "new"  # what a list may hold: everything, or only what the user did not have before


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k largest scores of every row, best first.

    scores   float (n, n_items); -inf marks what must not be ranked, NaN is refused
    Returns  int32 (n, k); equal scores in the order of the index; -1 where fewer than k can be ranked.
    Raises   ValueError if k < 1 or a score is NaN.
    """
    if k < 1:
        raise ValueError(f"top_k: k must be at least 1, got {k}")
    if np.isnan(scores).any():
        raise ValueError("top_k: a score is NaN")
    n, n_items = scores.shape
    kept = min(k, n_items)
    if kept < n_items:
        at = np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
        chosen = np.take_along_axis(scores, at, 1)
        worst = chosen.min(axis=1)
        tied = (scores == worst[:, None]).sum(axis=1) > (chosen == worst[:, None]).sum(axis=1)
        for row in np.flatnonzero(tied & np.isfinite(worst)):
            at[row] = np.argsort(-scores[row], kind="stable")[:kept]
    else:
        at = np.tile(np.arange(n_items), (n, 1))
    at = np.sort(at, axis=1)
    chosen = np.take_along_axis(scores, at, 1)
    order = np.argsort(-chosen, axis=1, kind="stable")
    at, chosen = np.take_along_axis(at, order, 1), np.take_along_axis(chosen, order, 1)
    out = np.full((n, k), NO_ITEM, dtype=np.int32)
    out[:, :kept] = np.where(chosen == -np.inf, NO_ITEM, at)
    return out


def exclude(
    scores: np.ndarray,
    histories: Histories,
    *,
    seen: bool = False,
    allowed: np.ndarray | None = None,
) -> np.ndarray:
    """Copy of scores with -inf for what must not be recommended.

    seen     exclude the items of each user's history
    allowed  bool (n_items,), items that may be recommended; None allows all
    """
    out = np.array(scores, copy=True)
    if seen:
        out[histories.rows, histories.items] = -np.inf
    if allowed is not None:
        out[:, ~allowed] = -np.inf
    return out
