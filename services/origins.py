"""From where: the name by which the service was called, and the web page that calls, if one does.

A page of another site can make a browser call loopback, under that site's name (DNS rebinding) or its own. The service
answers only to its own names, and to no page that was not allowed.
"""

from __future__ import annotations

from services.access import is_loopback
from services.refused import RefusedError
from services.settings import Settings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Origins:
    """Which names and which pages are allowed."""

    def __init__(self, settings: Settings):
        """Without names of its own a service on loopback answers to loopback's, another to any: keys guard that one."""
        self._hosts = frozenset(host.lower() for host in settings.hosts)
        if not self._hosts and is_loopback(settings.host):
            self._hosts = LOOPBACK_NAMES
        self._pages = frozenset(page.lower().rstrip("/") for page in settings.origins)

    def check(self, host: str, origin: str) -> None:
        """Refused with 421 for another name, 403 for a page that is not allowed; empty headers are no browser's."""
        name = host.lower()
        bare = name if name.endswith("]") else name.rpartition(":")[0] or name
        if self._hosts and bare not in self._hosts:
            raise RefusedError(421, "host", "this service does not answer to that name; SHOPLOOP_HOSTS allows it")
        if origin and origin.lower().rstrip("/") not in self._pages:
            raise RefusedError(403, "origin", "web pages of that origin may not call; SHOPLOOP_ORIGINS allows it")
