"""What no handler should see: bodies that are too large, too slow, not JSON by their own account, or not what is asked.

BentoML would answer the last with a library's words, and log a traceback for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.admission import Admission
from services.counter import ASKED
from services.refusals import understood
from services.refused import RefusedError
from services.request_record import CURRENT
from services.routes import route

DRAIN_S = 2.0  # what is left of a refused body is read and dropped for so long: a sender that writes reads no answer
CLOSE = {"Connection": "close"}
SLOW = "the body was not there within {within_s:g} s, or took longest of too many; send it again, and faster"


class RequestGuard:
    """ASGI middleware inside the front door.

    413 for a body above the limit, 408 for one that is not there in time, 415 for a POST that is not JSON, 429 where
    the queue is full, 400 for a body out of bounds.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, within_s: float, admission: Admission, bodies: int):
        """The next application, the largest body in bytes, and how long it may take; admission counts who is in
        the house; bodies: how many may be under way, together not more than bodies × max_body_bytes of memory.
        """
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.within_s = within_s
        self.admission = admission
        self._bodies = bodies
        self._under_way: dict[asyncio.Timeout, None] = {}  # the one that takes longest comes first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            with self._admitted(scope):
                await self.app(scope, receive, send)
        else:
            await self._read_and_pass(scope, receive, send)

    async def _read_and_pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if route(scope["path"]).works:
            self.admission.check()  # a body that nobody could look at now is not waited for
        try:
            body = await self._read(scope, receive)
        except RefusedError as e:
            CURRENT.get().refused = e.reason
            await _answer_and_drain(e, receive, send)
            return
        if body is None:
            return  # the caller left
        with self._admitted(scope):
            scope[ASKED] = understood(scope["path"], body)
            await self.app(scope, _replay(body, receive), send)

    def _admitted(self, scope: Scope) -> AbstractContextManager[None]:
        return self.admission.admitted() if route(scope["path"]).works else nullcontext()

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None if the caller left before its end. Raises RefusedError."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "type", "send JSON with the header Content-Type: application/json", CLOSE)
        if headers.get(b"content-encoding", "identity").strip().lower() != "identity":
            raise RefusedError(415, "type", "send the body as it is, without Content-Encoding", CLOSE)
        declared = headers.get(b"content-length", "0")
        if declared.isdigit() and int(declared) > self.max_body_bytes:
            raise self._too_large()
        try:
            async with self._in_time():
                return await self._parts(receive)
        except TimeoutError:
            raise RefusedError(408, "slow", SLOW.format(within_s=self.within_s), CLOSE) from None

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """TimeoutError for a body that takes too long, or longest where there are too many."""
        async with asyncio.timeout(self.within_s) as mine:
            self._under_way[mine] = None
            try:
                if len(self._under_way) > self._bodies:
                    slowest = next(iter(self._under_way))
                    del self._under_way[slowest]
                    if not slowest.expired():
                        slowest.reschedule(0)
                yield
            finally:
                self._under_way.pop(mine, None)

    async def _parts(self, receive: Receive) -> bytes | None:
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.max_body_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        return b"".join(parts)

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "size", f"the body is larger than {self.max_body_bytes // 1024} KB; send less", CLOSE)


async def _answer_and_drain(refused: RefusedError, receive: Receive, send: Send) -> None:
    """The answer at once, then its end after what the sender still had under way, within bounds.

    Closing while it still sends would reset the connection, and the answer could be lost.
    """
    answer = refused.answer()
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    try:
        async with asyncio.timeout(DRAIN_S):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive channel that gives the body that was read, then whatever follows."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again
