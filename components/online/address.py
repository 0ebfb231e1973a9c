"""From settings to a store: a URL names a server, and without one the store is a file in the service's folder."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from components.core import layout
from components.core.errors import ConfigError
from components.online.store import OnlineStore

URL_VARIABLE = "SHOPLOOP_STATE_URL"


def open_store(folder: Path, url: str | None) -> OnlineStore:
    """The store at `url`, or the SQLite file in `folder`; nothing is connected or made yet (`prepare` does).

    url     postgresql://user:password@host:port/database or redis://:password@host:port/number; rediss:// encrypts
    Raises  ConfigError for another kind of URL; no message repeats a password
    """
    if not url:
        from components.online.sqlite_store import SqliteStore

        return SqliteStore(folder / layout.SERVICE_DATABASE)
    scheme, place = _parts(url)
    if scheme in ("postgresql", "postgres"):
        from components.online.postgres_store import PostgresStore

        return PostgresStore(url, place)
    if scheme in ("redis", "rediss"):
        from components.online.redis_store import RedisStore

        return RedisStore(url, place)
    raise ConfigError(
        f"{URL_VARIABLE}: begins with '{scheme[:20]}', which is no store known here; "
        "use postgresql://… or redis://…, or leave it out for SQLite."
    )


def store_here(folder: Path) -> OnlineStore:
    """The store that a service started in this environment would use."""
    return open_store(folder, os.environ.get(URL_VARIABLE))


def _parts(url: str) -> tuple[str, str]:
    """The scheme, and the URL as it may be shown."""
    try:
        found = urlsplit(url)
        port = f":{found.port}" if found.port else ""
    except ValueError:
        raise ConfigError(f"{URL_VARIABLE}: is no URL; use postgresql://… or redis://….") from None
    return found.scheme, f"{found.scheme}://{found.hostname or ''}{port}{found.path}"
