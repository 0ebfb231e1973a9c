"""Progress of long work: a bar on a terminal, a plain line every few seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

LINE_EVERY_S = 5.0


def track(iterable: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield the elements of `iterable` while telling stderr how far it is.

    total  number of elements, where `len(iterable)` does not know it
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    return _bar(iterable, description, total) if sys.stderr.isatty() else _lines(iterable, description, total)


def _bar(iterable: Iterable[T], description: str, total: int | None) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(iterable, description, total, console=Console(stderr=True), transient=True)


def _lines(iterable: Iterable[T], description: str, total: int | None) -> Iterator[T]:
    started = told = time.monotonic()
    for done, element in enumerate(iterable):
        now = time.monotonic()
        if now - told >= LINE_EVERY_S:
            told = now
            print(f"{description}: {done} of {total or '?'} after {now - started:.0f} s", file=sys.stderr, flush=True)
        yield element
