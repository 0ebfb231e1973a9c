"""The turnstile: while the house is full, a plain request for work is refused before anything of it is taken apart.

Whatever a refusal costs is taken from those who are being answered: parsed, routed and answered by the framework it is
half a millisecond, and at three times the load that is a third of all there is. Here it is a look at the bytes. Only a
whole and simple request is refused so (one piece, a route that works, one Content-Length that fits, not of a web page,
whose browser wants to be told more); everything else goes the usual way, and is refused there.
"""

from __future__ import annotations

import re
import uuid
from functools import cache, lru_cache
from itertools import count
from typing import ClassVar

import h11
import uvicorn.protocols.http.auto
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.admission import Admission, full
from services.draining import LEAVING
from services.figures import figures
from services.routes import ROUTES

WORK = {f"POST {path} HTTP/1.1".encode(): path for path, route in ROUTES.items() if route.works}
LONGEST_LINE = max(map(len, WORK))
END_OF_LINE, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
LONGEST_HEAD = 2_048  # bytes; what is remembered of heads stays below a megabyte
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,7})[ \t]*(?=\r\n)")
SPECIAL = re.compile(
    rb"\r\n(?:transfer-encoding|expect|origin|upgrade|connection:(?![ \t]*keep-alive[ \t]*\r))", re.ASCII
)
NUMBER = count()
TASKS_TO_ADMISSION = 2  # uvicorn's, and one of BentoML's that watches the time


def refusable(data: bytes) -> str | None:
    """The route, if these bytes are one whole and simple request for work; else None."""
    end = data.find(END_OF_HEAD, 0, LONGEST_HEAD)
    if end < 0:
        return None
    route, length = _asked(data[: end + len(END_OF_LINE)])
    return route if len(data) == end + len(END_OF_HEAD) + length else None


@lru_cache(maxsize=256)  # a client's heads are alike, and the same client comes again
def _asked(head: bytes) -> tuple[str | None, int]:
    """Route and length of the body by a head (to the end of its last line); no route where it is not simple."""
    route = WORK.get(head[: max(0, head.find(END_OF_LINE, 0, LONGEST_LINE + len(END_OF_LINE)))])
    if route is None:
        return None, 0
    lower = head.lower()
    lengths = LENGTH.findall(lower)
    if len(lengths) != 1 or lower.count(b"\r\ncontent-length") != 1 or SPECIAL.search(lower):
        return None, 0
    return route, int(lengths[0])


class Turnstile(H11Protocol):
    """uvicorn's protocol with a look at what comes in while the house is full."""

    admission: ClassVar[Admission]

    def data_received(self, data: bytes) -> None:
        """Refuse, or hand on.

        What comes in together is looked at before any of it arrives where places are given, so those let through are
        counted until then; else one free place would let all of them in, to be refused the long way.
        """
        route = refusable(data) if self._is_idle() and not LEAVING.is_set() else None
        if route is None:
            super().data_received(data)
        elif self.admission.is_spoken_for:
            self._refuse(route)
        else:
            super().data_received(data)
            self.admission.coming += 1
            self.loop.call_soon(self._on_its_way, TASKS_TO_ADMISSION)

    def _on_its_way(self, tasks: int) -> None:
        """Once behind the first step of each task that hands it on; then it is in the house, or was refused."""
        if tasks > 1:
            self.loop.call_soon(self._on_its_way, tasks - 1)
        else:
            self.admission.coming -= 1

    def _is_idle(self) -> bool:
        """Whether the connection waits for a request, and holds no part of one."""
        conn = self.conn
        return conn.their_state is h11.IDLE and conn.our_state is h11.IDLE and not conn.trailing_data[0]

    def _refuse(self, route: str) -> None:
        self.transport.write(_answer())
        figures().turned_away(route)
        self._unset_keepalive_if_required()
        wait = self.timeout_keep_alive
        self.timeout_keep_alive_task = self.loop.call_later(wait, self.timeout_keep_alive_handler)


def install(admission: Admission) -> None:
    """Let uvicorn use it in this process, for servers that do not name a protocol of their own."""
    uvicorn.protocols.http.auto.AutoHTTPProtocol = type("ShopTurnstile", (Turnstile,), {"admission": admission})


def _answer() -> bytes:
    """What the front door would say, under an id of its own."""
    before, after = _words()
    return b"%b%08x%b" % (before, next(NUMBER), after)


@cache
def _words() -> tuple[bytes, bytes]:
    """All that is the same for everybody, before and behind the number that makes an id one of its own."""
    told = full().answer()
    head = b"".join(name + b": " + value + END_OF_LINE for name, value in told.raw_headers)
    before = b"HTTP/1.1 429 Too Many Requests\r\n" + head + b"x-request-id: " + uuid.uuid4().hex[:24].encode()
    return before, END_OF_HEAD + told.body
