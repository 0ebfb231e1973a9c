"""How much at once: what does not fit into the queue is refused at once, so that what is in it is answered in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.refused import RefusedError

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

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Refused with 429 and Retry-After if the house is full."""
        if self.is_full:
            raise full()
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
