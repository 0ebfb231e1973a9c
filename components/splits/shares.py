"""Hashed shares: which users or items are held out hangs on the id alone, and is the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, StringValue

DIGITS = 8  # of a SHA-256 in hexadecimal: one part in four thousand million


def within(ids: StringValue, low: float, high: float, salt: str) -> BooleanValue:
    """True where the id's hash lies in [low, high), shares from 0 to 1.

    salt  another text deals the ids anew
    """
    import ibis

    digest = (ibis.literal(f"{salt}:") + ids).hexdigest("sha256").substr(0, DIGITS)
    return (digest >= _digits(low)) & (digest < _digits(high))


def _digits(share: float) -> str:
    """The hexadecimal digits below which lies that share of all hashes; they compare as texts."""
    part = round(share * 16**DIGITS)
    return f"{part:0{DIGITS}x}" if part < 16**DIGITS else "g"
