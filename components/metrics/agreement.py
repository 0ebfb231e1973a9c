"""How much two ranked lists agree: what they share, and how high up. Neither list is taken for the right one."""

from __future__ import annotations

from collections.abc import Sequence

PERSISTENCE = 0.9  # of the weight of a list, 65 % lies on its first ten places


def overlap(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Share of the longer list that is in both, in any order: overlap@k of two lists of k. 1 for two empty lists.

    No item may be in a list twice.
    """
    longest = max(len(ours), len(theirs))
    return len(set(ours) & set(theirs)) / longest if longest else 1.0


def rank_biased_overlap(ours: Sequence[str], theirs: Sequence[str], persistence: float = PERSISTENCE) -> float:
    """Agreement that counts the top of two lists for more: 1 for equal lists, 0 for lists that share nothing.

    The mean of the overlaps of the first 1, 2, … d items, the d-th weighted by persistence ** (d - 1), cut off at the
    longer list and divided by the weights up to there.
    Source  Webber, Moffat, Zobel 2010, doi:10.1145/1852102.1852106
    """
    depth = max(len(ours), len(theirs))
    if not depth:
        return 1.0
    weights = [persistence**place for place in range(depth)]
    agreed = (
        weight * len(set(ours[:reached]) & set(theirs[:reached])) / reached
        for reached, weight in enumerate(weights, start=1)
    )
    return sum(agreed) / sum(weights)
