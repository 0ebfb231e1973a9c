"""How much at once: what does not fit into the queue is refused at once, so that what is in it is answered in time.

A request is in the house once its body is there: a sender who dawdles takes nobody's place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.figures import figures
from services.refused import RefusedError
from services.request_record import record

FULL = "too many requests at once; come again in a second"


def full() -> RefusedError:
    """What somebody is told who does not fit in."""
    return RefusedError(429, "queue", FULL, {"Retry-After": "1"})


class Admission:
    """Counts the requests in one worker's event loop, waiting and working; no lock is needed there."""

    def __init__(self, most: int):
        """most: requests in the house."""
        self.most = most
        self.inside = 0

    @property
    def is_full(self) -> bool:
        """Whether the next one would be refused."""
        return self.inside >= self.most

    def check(self) -> None:
        """Refused with 429 and Retry-After if the house is full."""
        if self.is_full:
            raise full()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A place in the house, if there is one."""
        self.check()
        self._count(1)
        record().admitted = time.perf_counter()
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        self.inside += more
        figures().inside.set(self.inside)
