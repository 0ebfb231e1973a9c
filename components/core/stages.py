"""Stages: how long the parts of one answer took. Whoever wants to know collects them; for all others they cost nothing.

    with collected() as found:
        with stage("rank"):
            …
    found[0].name, found[0].seconds

A context variable carries them, so they reach into the threads that asyncio starts, and never another request.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_FOUND: ContextVar[list[Stage] | None] = ContextVar("stages", default=None)


@dataclass(frozen=True)
class Stage:
    """One part of an answer; `began` in seconds of time.perf_counter."""

    name: str
    began: float
    seconds: float


@contextmanager
def collected() -> Iterator[list[Stage]]:
    """The stages that end inside, in the order in which they ended."""
    found: list[Stage] = []
    token = _FOUND.set(found)
    try:
        yield found
    finally:
        _FOUND.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Name what happens inside; `name` is one of a few fixed words, for it becomes a label."""
    found = _FOUND.get()
    if found is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        found.append(Stage(name, began, time.perf_counter() - began))


def note_stage(name: str, began: float) -> None:
    """A stage that ends now and has no block of its own, such as the time in a queue."""
    found = _FOUND.get()
    if found is not None:
        found.append(Stage(name, began, time.perf_counter() - began))
