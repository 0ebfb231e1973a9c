"""Answers that a release is working on at this moment: one that never comes back would be in no figures else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Flights:
    """Of one release in one worker; any thread may begin one while another one counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        """clock: seconds that only grow."""
        self._clock = clock
        self._began: dict[object, float] = {}

    @contextmanager
    def one(self) -> Iterator[None]:
        """One answer's work, without what it waits for elsewhere (the store, a search server)."""
        token = object()
        self._began[token] = self._clock()
        try:
            yield
        finally:
            del self._began[token]

    def overdue(self, seconds: float) -> int:
        """How many have been under way for longer."""
        since = self._clock() - seconds
        return sum(began < since for began in list(self._began.values()))
