"""From where: the name by which the service was called, and the web page that calls, if one does.

A page of another site can make a browser call loopback, under that site's name (DNS rebinding) or its own. The service
answers only to its own names, and to no page that was not allowed; browsers of those that were are told so (CORS,
https://fetch.spec.whatwg.org/#http-cors-protocol). Whoever shows a key on the admin port is called by any name there,
as a scraper of pods does by their address: a browser that was led astray has none to show.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.access import is_loopback
from services.refused import RefusedError
from services.settings import Settings

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Traceparent",
    "Access-Control-Max-Age": "600",
}
READABLE = b"X-Request-Id, Retry-After"  # headers that a page's script may read
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Origins:
    """Which names and which pages are allowed."""

    def __init__(self, settings: Settings):
        """Without names of its own a service on loopback answers to loopback's, another to any: keys guard that one."""
        self._hosts = frozenset(host.lower() for host in settings.hosts)
        if not self._hosts and is_loopback(settings.host):
            self._hosts = LOOPBACK_NAMES
        self._pages = frozenset(page.lower().rstrip("/") for page in settings.origins)

    def check(self, host: str | None, origin: str) -> None:
        """Refused with 421 for another name, 403 for a page that is not allowed; empty headers are no browser's.

        host  None where any name will do
        """
        if host is not None and self._hosts and _bare(host.lower()) not in self._hosts:
            raise RefusedError(421, "host", "this service does not answer to that name; SHOPLOOP_HOSTS allows it")
        if origin and not self._allows(origin):
            raise RefusedError(403, "origin", "web pages of that origin may not call; SHOPLOOP_ORIGINS allows it")

    def is_preflight(self, method: str, headers: Mapping[bytes, str]) -> bool:
        """Whether a browser asks, before a page's request, if it may send it; it shows no key with that."""
        return method == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers

    def told(self, origin: str) -> list[tuple[bytes, bytes]]:
        """Headers by which a browser lets the page of an allowed origin read the answer."""
        if not origin or not self._allows(origin):
            return []
        allowed = (b"access-control-allow-origin", origin.encode("latin-1"))
        return [allowed, (b"access-control-expose-headers", READABLE), (b"vary", b"Origin")]

    def _allows(self, origin: str) -> bool:
        return origin.lower().rstrip("/") in self._pages


def _bare(name: str) -> str:
    """Without a port."""
    return name if name.endswith("]") else name.rpartition(":")[0] or name
