"""The counter: a request that was understood goes to the desk in a thread, which writes its answer as well.

BentoML's own way from a route to a method reads the body a second time, looks up the method's signature and wraps
request and answer in a context of its own; that is a millisecond of the event loop for every answer, in which no other
request is taken in. BentoML keeps the process, its workers, limits and time, and the schema of the same methods.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine

import anyio.to_thread
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.request_record import record
from services.turns import Turns

logger = logging.getLogger("shoploop.counter")
ASKED = "shoploop.asked"  # in the scope: the request that the guard read
WITHIN_S = 8.0  # from the moment the body was there; BentoML's own limit lies outside the door and knows no request id
LATE = "no answer within {within_s:g} s; come again in a second"
UNEXPECTED = "an unexpected error has occurred, please check the server log"

Answering = Callable[[BaseModel], BaseModel | Response]


class Counter:
    """ASGI middleware inside the request guard."""

    def __init__(
        self, app: ASGIApp, answering: Callable[[str], Answering | None], threads: int, within_s: float = WITHIN_S
    ):
        """answering: path → who answers there, None where that is the next application; threads: answers at once;
        within_s: who has none by then is told so.
        """
        self.app = app
        self._within_s = within_s
        self._answering = answering
        self._threads = threads
        self._turns = Turns(threads)
        self._limiter: anyio.CapacityLimiter | None = None  # belongs to the event loop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        asked = scope.get(ASKED) if scope["type"] == "http" and scope["method"] == "POST" else None
        answer = None if asked is None else self._answering(scope["path"])
        if answer is None:
            await self.app(scope, receive, send)
            return
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._threads)
        told = await self._in_time(self._told(scope["path"], answer, asked))
        await told(scope, receive, send)

    async def _in_time(self, answering: Coroutine[None, None, Response]) -> Response:
        """The answer, or 504: a thread cannot be stopped, so it goes on for itself, and others take its turn."""
        work = asyncio.ensure_future(answering)
        left = self._within_s - (time.perf_counter() - record().admitted)
        try:
            await asyncio.wait({work}, timeout=left)
        except asyncio.CancelledError:
            work.cancel()
            raise
        if work.done():
            return work.result()
        work.cancel()
        record().refused = "late"
        words = LATE.format(within_s=self._within_s)
        return JSONResponse({"error": words}, status_code=504, headers={"Retry-After": "1"})

    async def _told(self, path: str, answer: Answering, asked: BaseModel) -> Response:
        try:
            async with self._turns.turn(record().key):
                return await anyio.to_thread.run_sync(_written, answer, asked, limiter=self._limiter)
        except Exception:
            logger.exception("no answer at %s", path)
            return JSONResponse({"error": UNEXPECTED}, status_code=500)


def _written(answer: Answering, asked: BaseModel) -> Response:
    """The answer as it leaves; written in the thread, so that the event loop goes on."""
    told = answer(asked)
    return told if isinstance(told, Response) else Response(told.model_dump_json(), media_type="application/json")
