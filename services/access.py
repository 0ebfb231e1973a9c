"""Who may ask: the key in the Authorization header, its scopes, and how often it may come."""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from components.core.api_keys import KEYS_FILE, ApiKey, Scope, key_id, read_keys
from components.core.errors import ConfigError, ShoploopError
from services.refused import RefusedError
from services.settings import Settings

logger = logging.getLogger("shoploop.access")

LOOK_AGAIN_S = 1.0  # a revoked key is refused within this time
CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass
class Bucket:
    """A token bucket: `rate` tokens a second run in, at most `burst` stay; a request takes one."""

    rate: float
    burst: float
    tokens: float
    at: float

    def wait(self, now: float) -> float:
        """0 if a token was there and is taken, else the seconds until there will be one."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class Access:
    """Knows the keys of the file, and reads it again when it has changed.

    Every worker counts for itself, with its share of a key's rate.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic):
        """clock: seconds that only grow."""
        self._always = settings.keys == "always" or not is_loopback(settings.host)
        self._file = Path(settings.state) / KEYS_FILE
        self._workers = settings.workers
        self._clock = clock
        self._keys: dict[str, ApiKey] = {}
        self._buckets: dict[str, Bucket] = {}
        self._seen: tuple[int, int] | None = None
        self._look_at = -math.inf

    def check(self, scope: Scope, authorization: str, *, local: bool) -> str | None:
        """The id of the key that asks, None where no key is needed.

        authorization  the header's value
        local          the connection came in over loopback
        Raises         RefusedError: 401 without a good key, 403 without the scope, 429 when it comes too often
        """
        if not self.asks(authorization, local=local):
            return None
        key = self._known(authorization)
        if key is None:
            words = "send a valid key: Authorization: Bearer shoploop_…; `shoploop keys add` makes one"
            raise RefusedError(401, "key", words, CHALLENGE)
        if scope not in key.scopes:
            raise RefusedError(403, "scope", f"this key has no scope '{scope}'")
        wait = self._bucket(key).wait(self._clock())
        if wait > 0:
            retry = str(math.ceil(wait))
            raise RefusedError(
                429, "rate", f"more than {key.rate:g} requests a second; come later", {"Retry-After": retry}
            )
        return key.id

    def asks(self, authorization: str, *, local: bool) -> bool:
        """Whether a key has to be a good one: where one is needed, and where one is shown."""
        return not local or self._always or bool(authorization)

    def _known(self, authorization: str) -> ApiKey | None:
        kind, _, secret = authorization.partition(" ")
        found = key_id(secret.strip()) if kind.lower() == "bearer" else None
        if found is None:
            return None
        self._look()
        key = self._keys.get(found)
        return key if key is not None and key.opens(secret.strip()) and key.revoked is None else None

    def _bucket(self, key: ApiKey) -> Bucket:
        if key.id not in self._buckets:
            burst = max(1.0, key.burst / self._workers)
            self._buckets[key.id] = Bucket(key.rate / self._workers, burst, burst, self._clock())
        return self._buckets[key.id]

    def _look(self) -> None:
        """Read the file if it has changed; one that cannot be read opens nothing."""
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_AGAIN_S
        try:
            stat = self._file.stat()
            seen = (stat.st_mtime_ns, stat.st_ino)
            if seen != self._seen:
                self._keys = {key.id: key for key in read_keys(self._file)}
                self._buckets = {known: bucket for known, bucket in self._buckets.items() if known in self._keys}
                self._seen = seen
        except (ShoploopError, OSError) as e:
            if self._keys:  # told once: from now on everybody is refused, and nobody would know why
                logger.error("no key opens anything: %s", e)  # noqa: TRY400 - its words say it all
            self._keys, self._seen = {}, None


def check_keys(settings: Settings) -> None:
    """ConfigError if nobody could ever ask: a service that wants keys, and a file without a good one."""
    wanted = settings.keys == "always" or not is_loopback(settings.host)
    path = Path(settings.state) / KEYS_FILE
    if wanted and not any(key.revoked is None for key in read_keys(path)):
        raise ConfigError(
            f"{path}: no API key, and a service on {settings.host} asks for one; "
            "make one first: shoploop keys add NAME --scope recommend --scope events."
        )


@lru_cache(1024)
def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address; a name that is no address is not taken for one."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
