"""Top-k with defined ties, and exclusion of what was seen or is not allowed."""

import numpy as np

from components.core.dataset import Histories

NO_ITEM = -1
GROUP = 32  # items per group: the more, the fewer maxima to select from and the more candidates they leave
LEVEL = 4  # so many times k groups at the bound: the row is one of equal scores
BLOCK_CELLS = 400_000  # scores in hand at a time, so that no copy of a large block is made
ALL, NEW = "all", "new"  # what a list may hold: everything, or only what the user did not have before


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k largest scores of every row, best first.

    scores   float (n, n_items); -inf marks what must not be ranked, NaN is refused
    Returns  int32 (n, k); equal scores in the order of the index; -1 where fewer than k can be ranked.
    Raises   ValueError if k < 1 or a score is NaN.
    """
    if k < 1:
        raise ValueError(f"top_k: k must be at least 1, got {k}")
    n, n_items = scores.shape
    out = np.full((n, k), NO_ITEM, dtype=np.int32)
    for start in range(0, n, max(1, BLOCK_CELLS // max(n_items, 1))):
        part = slice(start, start + max(1, BLOCK_CELLS // max(n_items, 1)))
        _rank(scores[part], out[part])
    return out


def _rank(scores: np.ndarray, out: np.ndarray) -> None:
    """`top_k` of a few rows, into out."""
    row, item = _candidates(scores, out.shape[1])
    score = scores[row, item]
    order = np.lexsort((item, -score, row))
    row, item, score = row[order], item[order], score[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = (place < out.shape[1]) & (score > -np.inf)
    out[row[kept], place[kept]] = item[kept]


def _candidates(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and item of all scores that may be among the k largest of their row, the first ties at the border included.

    The catalogue is cut into groups. The k-th largest of their maxima is a bound below which nothing of the row is
    wanted, and only groups that reach it are looked into: one pass over the scores instead of a selection from them.
    """
    n, n_items = scores.shape
    groups = n_items // GROUP
    if groups <= k:
        if np.isnan(scores).any():
            raise ValueError("top_k: a score is NaN")
        return np.nonzero(np.ones(scores.shape, dtype=bool))
    grouped, rest = scores[:, : groups * GROUP].reshape(n, GROUP, groups), scores[:, groups * GROUP :]
    largest = grouped.max(axis=1)
    if np.isnan(largest).any() or np.isnan(rest).any():  # a maximum with NaN is NaN
        raise ValueError("top_k: a score is NaN")
    bound = np.partition(largest, groups - k, axis=1)[:, groups - k]
    reached = largest >= bound[:, None]
    level = reached.sum(axis=1) > LEVEL * k
    reached[level] = False
    row, group = np.nonzero(reached)
    at, within = np.nonzero(grouped[row, :, group] >= bound[row][:, None])
    rest_row, rest_item = np.nonzero((rest >= bound[:, None]) & ~level[:, None])
    rows, items = [row[at], rest_row], [within * groups + group[at], rest_item + groups * GROUP]
    for tied in np.flatnonzero(level):
        wanted = _above_or_first(scores[tied], bound[tied], k)
        rows.append(np.full(len(wanted), tied))
        items.append(wanted)
    return np.concatenate(rows), np.concatenate(items)


def _above_or_first(scores: np.ndarray, bound: float, k: int) -> np.ndarray:
    """Items above the bound, and the first k at it: of a row where most scores are equal, as in a short history's."""
    above = np.flatnonzero(scores > bound)
    return above if bound == -np.inf else np.concatenate((above, np.flatnonzero(scores == bound)[:k]))


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
