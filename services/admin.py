"""Pages for whoever runs the service: what serves, whether anything is wrong, figures. On a port of their own if asked.

Every worker listens on the admin port; the system gives a connection to one of them, and each can answer for all.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.front_door import FrontDoor
from services.settings import Settings

STOP_WITHIN_S = 5


class AdminPort:
    """A server in a thread of its own, so that figures can be read while the workers' loop is busy."""

    def __init__(self, settings: Settings, pages: dict[str, Callable[[], Response]]):
        """pages: path → what answers a GET there."""
        app = Starlette(routes=[Route(path, _asked(page)) for path, page in pages.items()])
        config = uvicorn.Config(
            FrontDoor(app, settings, admin=True), log_config=None, lifespan="off", server_header=False, http="h11"
        )
        self._server = uvicorn.Server(config)
        self._socket = _listening(settings.host, settings.admin_port)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="admin-port", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what was begun, then end."""
        self._server.should_exit = True
        self._thread.join(timeout=STOP_WITHIN_S)


def _asked(page: Callable[[], Response]) -> Callable[[Request], Response]:
    def ask(_: Request) -> Response:
        return page()

    return ask


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener
