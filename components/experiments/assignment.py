"""Assignment: a unit's variant is a hash of its name and the experiment's, so that everybody who asks agrees.

The unit is the user, not the request: a user who saw both variants would be evidence for neither.
Nothing is stored; the service, the replay and the read-out each compute the same answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from components.core.errors import ConfigError

BUCKETS = 10_000
SHARE_TOLERANCE = 1e-9


def bucket(unit: str, experiment: str) -> int:
    """Bucket 0 … 9999 of a unit; another experiment shuffles all units anew."""
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    digest = hashlib.sha256(f"{len(experiment)}:{experiment}:{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def assign(unit: str, experiment: str, shares: Mapping[str, float]) -> str:
    """The variant of a unit, equal for equal arguments, on every machine and in every version.

    unit        what is randomised: a user id
    experiment  its name is the salt
    shares      variant → share of the units, in any order; sum 1, steps finer than 1/10,000 are rounded
    Raises      ConfigError if the shares are not shares.
    """
    check_shares(shares)
    at = bucket(unit, experiment)
    reached = 0.0
    for variant, share in sorted(shares.items()):  # by name: equal dictionaries may differ in the order of their keys
        reached += share
        if at < round(reached * BUCKETS):
            return variant
    raise AssertionError("shares that sum to 1 cover every bucket")


def check_shares(shares: Mapping[str, float]) -> None:
    """ConfigError unless there is a variant, no share is negative, and they sum to 1."""
    total = sum(shares.values())
    # Written so that NaN fails as well.
    if not (all(share >= 0 for share in shares.values()) and abs(total - 1) <= SHARE_TOLERANCE):
        raise ConfigError(
            f"experiment: shares must be 0 or more and sum to 1, found {dict(shares)} "
            f"(sum {total:g}); change the shares."
        )
