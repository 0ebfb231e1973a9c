"""How much at once: what does not fit into the queue is refused at once, so that what is in it is answered in time.

A request is in the house once its body is there: a sender who dawdles takes nobody's place.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from services.figures import figures
from services.refused import RefusedError
from services.request_record import record

FULL = "too many requests at once; come again in a second"
FULL_OF_YOURS = "too many requests at once by this key; come again in a second"
LEFT_TO_OTHERS = 0.25  # of the places: no key may hold these too


def full() -> RefusedError:
    """What somebody is told who does not fit in."""
    return RefusedError(429, "queue", FULL, {"Retry-After": "1"})


class Admission:
    """Counts the requests in one worker's event loop, waiting and working; no lock is needed there."""

    def __init__(self, most: int):
        """most: requests in the house."""
        self.most = most
        self.most_of_a_key = most - int(LEFT_TO_OTHERS * most)
        self.inside = 0
        self.coming = 0  # let through at the turnstile, and not yet here
        self._of_key: Counter[str] = Counter()

    @property
    def is_full(self) -> bool:
        """Whether the next one would be refused."""
        return self.inside >= self.most

    @property
    def is_spoken_for(self) -> bool:
        """Whether it will be full once those who were let through have arrived."""
        return self.inside + self.coming >= self.most

    def check(self) -> None:
        """Refused with 429 and Retry-After if the house is full."""
        if self.is_full:
            raise full()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A place in the house, if there is one."""
        key = record().key
        self.check()
        if key is not None and self._of_key[key] >= self.most_of_a_key:
            raise RefusedError(429, "queue", FULL_OF_YOURS, {"Retry-After": "1"})
        self._count(1, key)
        record().admitted = time.perf_counter()
        try:
            yield
        finally:
            self._count(-1, key)

    def _count(self, more: int, key: str | None) -> None:
        self.inside += more
        if key is not None:
            self._of_key[key] += more
            if not self._of_key[key]:
                del self._of_key[key]
        figures().inside.set(self.inside)
