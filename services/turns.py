"""Whose turn it is: requests that wait for a thread are taken key by key, not in the order in which they came.

All keys share a worker's threads. Were they served first come, first served, one that asks for much and often would
make everybody wait as long as itself; so each key has a line of its own, and the lines take turns. Those who ask
without a key are one line too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Key = str | None


class Turns:
    """Places that are given out in one event loop; no lock is needed there."""

    def __init__(self, places: int):
        """places: requests that have a turn at once."""
        self._free = places
        self._lines: dict[Key, deque[asyncio.Future[None]]] = {}  # in the order of their turns; none is empty

    @asynccontextmanager
    async def turn(self, key: Key) -> AsyncIterator[None]:
        """Wait for a place, and give it back."""
        if self._free:  # then nobody waits
            self._free -= 1
        else:
            await self._wait(key)
        try:
            yield
        finally:
            self._give()

    async def _wait(self, key: Key) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._lines.setdefault(key, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():
                self._give()  # the turn came in the moment in which its caller left
            raise

    def _give(self) -> None:
        """The place goes to the first of the next line, which then goes behind the others."""
        while self._lines:
            key = next(iter(self._lines))
            line = self._lines.pop(key)
            first = line.popleft()
            if line:
                self._lines[key] = line
            if not first.done():  # else its caller has left
                first.set_result(None)
                return
        self._free += 1
