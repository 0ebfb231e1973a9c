"""The counter: a request that was understood goes to the desk in a thread, which writes its answer as well.

BentoML's own way from a route to a method reads the body a second time, looks up the method's signature and wraps
request and answer in a context of its own; that is a millisecond of the event loop for every answer, in which no other
request is taken in. BentoML keeps the process, its workers, limits and time, and the schema of the same methods.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio.to_thread
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.request_record import record
from services.turns import Turns

logger = logging.getLogger("shoploop.counter")
ASKED = "shoploop.asked"  # in the scope: the request that the guard read
UNEXPECTED = "an unexpected error has occurred, please check the server log"

Answering = Callable[[BaseModel], BaseModel | Response]


class Counter:
    """ASGI middleware inside the request guard."""

    def __init__(self, app: ASGIApp, answering: Callable[[str], Answering | None], threads: int):
        """answering: path → who answers there, None where that is the next application; threads: answers at once."""
        self.app = app
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
        try:
            async with self._turns.turn(record().key):
                told = await anyio.to_thread.run_sync(_written, answer, asked, limiter=self._limiter)
        except Exception:
            logger.exception("no answer at %s", scope["path"])
            told = JSONResponse({"error": UNEXPECTED}, status_code=500)
        await told(scope, receive, send)


def _written(answer: Answering, asked: BaseModel) -> Response:
    """The answer as it leaves; written in the thread, so that the event loop goes on."""
    told = answer(asked)
    return told if isinstance(told, Response) else Response(told.model_dump_json(), media_type="application/json")
