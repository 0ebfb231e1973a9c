"""A connection to PostgreSQL that waits so long and no longer.

The server's own time limits do not help where its host is silent: a machine that froze, a cable that was pulled, a
firewall that forgot the connection. Keepalives do not either where something on the way still acknowledges them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from typing import Any

import psycopg


class NoWordError(psycopg.OperationalError):
    """The server said nothing until the time was over; the connection is of no more use."""


class PatientConnection(psycopg.Connection):
    """`deadline`, in seconds of time.monotonic, holds for every wait from now on; without one it waits for ever."""

    deadline = math.inf

    def wait(self, gen: Generator, *args: Any, **options: Any) -> Any:
        """As in psycopg, with an end; raises NoWordError after it."""
        return super().wait(_until(gen, self.deadline), *args, **options)


def _until(gen: Generator, deadline: float) -> Generator:
    """What psycopg resumes with 0 several times a second where the server says nothing (psycopg.waiting)."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= deadline:
                raise NoWordError("no word from it in time")
            wanted = gen.send(ready)
    except StopIteration as e:
        return e.value
