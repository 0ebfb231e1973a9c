"""The front door: every request comes in here and every answer leaves here.

It asks where from and who; gives the request its id; and tells figures, log and traces how it ended.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import MutableMapping

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from components.core.stages import collected
from services.access import Access, is_loopback
from services.draining import LEAVING
from services.figures import figures
from services.json_log import log_request
from services.origins import PREFLIGHT, Origins
from services.refused import RefusedError
from services.request_record import CURRENT, RequestRecord
from services.routes import PROBES, ROUTES, label, route
from services.settings import Settings
from services.traces import open_traces

REQUEST_ID = b"x-request-id"


class FrontDoor:
    """ASGI middleware around everything that answers."""

    def __init__(self, app: ASGIApp, settings: Settings, *, admin: bool = False):
        """admin: this is the door of the admin port, where only admin's routes are."""
        self.app = app
        self.admin = admin
        self.settings = settings
        self.access = Access(settings)
        self.origins = Origins(settings)
        self.traces = open_traces(settings.traces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        record = RequestRecord(route=label(scope["path"]))
        token = CURRENT.set(record)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        with collected() as stages:
            try:
                await self._pass(
                    scope, receive, _told(send, record, self.origins.told(headers.get(b"origin", ""))), headers
                )
            except asyncio.CancelledError:
                record.status = record.status or 504  # only BentoML's time limit, and the end of a drain, do that
                raise
            finally:
                CURRENT.reset(token)
                seconds = time.perf_counter() - record.began
                if scope["path"] not in PROBES:
                    self._tell(record, seconds, stages, headers)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, headers: MutableMapping[bytes, str]) -> None:
        try:
            self._check(scope, headers)
            if self.origins.is_preflight(scope["method"], headers):
                await Response(status_code=204, headers=PREFLIGHT)(scope, receive, send)
                return
            self._check_method(scope)
            self._check_key(scope, headers)
            await self.app(scope, receive, send)
        except RefusedError as e:
            CURRENT.get().refused = e.reason
            await e.answer()(scope, receive, send)

    def _check(self, scope: Scope, headers: MutableMapping[bytes, str]) -> None:
        """Whether it may come from there, to here. Raises RefusedError."""
        path = scope["path"]
        if path in PROBES:
            return
        scope_needed = route(path).scope
        if self.settings.admin_port is not None and (scope_needed == "admin") != self.admin:
            raise RefusedError(404, "route", "nothing here; GET / names the routes")
        keyed = self.admin and self.access.asks(headers.get(b"authorization", ""), local=_is_local(scope))
        self.origins.check(None if keyed else headers.get(b"host", ""), headers.get(b"origin", ""))

    def _check_method(self, scope: Scope) -> None:
        """Raises RefusedError."""
        path, asked = scope["path"], ROUTES.get(scope["path"])
        if asked is not None and not asked.takes(scope["method"]):
            takes = ", ".join(asked.methods)
            raise RefusedError(405, "method", f"{path} takes {takes} only", {"Allow": takes})

    def _check_key(self, scope: Scope, headers: MutableMapping[bytes, str]) -> None:
        """Raises RefusedError."""
        scope_needed = route(scope["path"]).scope
        if scope_needed is not None:
            shown = headers.get(b"authorization", "")
            CURRENT.get().key = self.access.check(scope_needed, shown, local=_is_local(scope))

    def _tell(self, record: RequestRecord, seconds: float, stages: list, headers: MutableMapping[bytes, str]) -> None:
        figures().count(record, seconds, stages)
        share = self.settings.log_share
        if share and ((record.status or 0) >= 500 or share >= random.random()):  # noqa: S311 - a sample, no secret
            log_request(record, seconds, stages)
        if self.traces is not None:
            self.traces.tell(
                record, seconds, stages, {name.decode("latin-1"): value for name, value in headers.items()}
            )


def _is_local(scope: Scope) -> bool:
    return scope.get("server") is None or is_loopback(scope["server"][0])


def _told(send: Send, record: RequestRecord, more: list[tuple[bytes, bytes]]) -> Send:
    """A send channel that notes the status and adds the request's id, and more headers."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (REQUEST_ID, record.request_id.encode()), *more]
            if LEAVING.is_set():
                message["headers"].append((b"connection", b"close"))
        await send(message)

    return sending
