"""What no handler should see: bodies that are too large, not JSON by their own account, or not what is asked for.

BentoML would answer the last with a library's words, and log a traceback for each.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.refusals import refusal


class RequestGuard:
    """ASGI middleware: 413 for a body above the limit, 415 for a POST that is not JSON, 400 for one out of bounds."""

    def __init__(self, app: ASGIApp, max_body_bytes: int):
        """The next application, and the largest body in bytes."""
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
            await _refuse(415, "send JSON with the header Content-Type: application/json")(scope, receive, send)
            return
        declared = headers.get(b"content-length", "0")
        body = None if declared.isdigit() and int(declared) > self.max_body_bytes else await self._read(receive)
        if body is None:
            words = f"the body is larger than {self.max_body_bytes // 1024} KB; send less at a time"
            await _refuse(413, words)(scope, receive, send)
            return
        wrong = refusal(scope["path"], body)
        if wrong is not None:
            await JSONResponse({"error": wrong}, status_code=400)(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body, or None as soon as it is too large."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.max_body_bytes:
                return None
            more = message["type"] == "http.request" and message.get("more_body", False)
        return b"".join(parts)


def _refuse(status: int, words: str) -> JSONResponse:
    # Closing spares reading what is left of a body that nobody wants.
    return JSONResponse({"error": words}, status_code=status, headers={"Connection": "close"})


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive channel that gives the body that was read, then whatever follows."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again
