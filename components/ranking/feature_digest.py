"""What the ranker was asked with, as one digest: an answer that is replayed later shows whether its features are equal.

    with feature_digests() as found:
        hybrid.lists(…)
    found == ["3f…"]

One for every ranking that happened inside, bit by bit over candidates and features; who collects nothing pays nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

DIGEST_BYTES = 16
_FOUND: ContextVar[list[str] | None] = ContextVar("feature_digests", default=None)


@contextmanager
def feature_digests() -> Iterator[list[str]]:
    """Digests of the rankings inside, in their order."""
    found: list[str] = []
    token = _FOUND.set(found)
    try:
        yield found
    finally:
        _FOUND.reset(token)


def note_features(items: np.ndarray, features: np.ndarray) -> None:
    """Tell whoever collects of one ranking: items int (pairs,), features float32 (pairs, features)."""
    found = _FOUND.get()
    if found is not None:
        found.append(digest(items, features))


def digest(items: np.ndarray, features: np.ndarray) -> str:
    """32 hex digits; other bits of any feature, another item or another order give another."""
    told = hashlib.sha256(str(features.shape).encode())
    told.update(np.ascontiguousarray(items, dtype="<i4"))
    told.update(np.ascontiguousarray(features, dtype="<f4"))
    return told.hexdigest()[: 2 * DIGEST_BYTES]
