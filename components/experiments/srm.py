"""Sample ratio mismatch: whether the variants' groups are as large as they were meant to be.

If not, units were lost or counted twice in one variant only, and no difference between the variants can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.core.errors import DataError
from components.experiments.assignment import check_shares

ALPHA = 0.001  # an alarm stops the read-out, so it must be rare when nothing is wrong


@dataclass(frozen=True)
class SampleRatio:
    """observed and expected number of units per variant; mismatch is true where p_value < ALPHA."""

    observed: dict[str, int]
    expected: dict[str, float]
    p_value: float
    mismatch: bool


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float], alpha: float = ALPHA) -> SampleRatio:
    """Chi-square test of the number of units per variant against the declared shares.

    counts  variant → distinct units; a variant that is missing counts as 0
    Raises  DataError if there is no unit, or a unit of a variant with share 0 or unknown.
    Source  Fabijan et al. 2019, doi:10.1145/3292500.3330722.
    """
    from scipy.special import chdtrc

    check_shares(shares)
    total = sum(counts.values())
    impossible = [name for name, count in counts.items() if count and not shares.get(name)]
    if not total or impossible:
        found = f"units of {', '.join(sorted(impossible))}, which has no share" if impossible else "no units"
        raise DataError(f"experiment: {found}; check that exposures and shares are of the same experiment.")
    used = {name: share for name, share in shares.items() if share > 0}
    observed = {name: int(counts.get(name, 0)) for name in used}
    expected = {name: total * share for name, share in used.items()}
    statistic = sum((observed[name] - expected[name]) ** 2 / expected[name] for name in used)
    p_value = float(chdtrc(len(used) - 1, statistic)) if len(used) > 1 else 1.0
    return SampleRatio(observed, expected, p_value, p_value < alpha)
