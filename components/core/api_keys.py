"""API keys of the service: one file that holds their hashes, never the keys. A key is shown once, when it is made.

A key is `shoploop_<id>_<secret>`; the id finds the record, the secret has 256 bits from the system's generator, so that
a plain SHA-256 keeps it: there is nothing to guess that a slow hash would protect.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from components.core.bundle import read_json, write_json
from components.core.config import Config, parse
from components.core.errors import ConfigError
from components.core.folder_lock import locked

KEYS_FILE = Path("keys.json")  # in the service's state folder
FORMAT = 1
MOST_KEYS = 1000
KEY = re.compile(r"shoploop_([0-9a-f]{12})_([0-9a-f]{64})")
Scope = Literal["recommend", "events", "admin"]
SCOPES: tuple[Scope, ...] = ("recommend", "events", "admin")


class ApiKey(Config):
    """One key, as it is kept.

    name     who holds it, in words
    digest   SHA-256 of the whole key, hexadecimal
    scopes   what it may ask for
    rate     requests per second over time, and burst how many at once
    revoked  when it was taken back; None while it is good
    """

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    rate: float = Field(default=100.0, ge=0.01, le=100_000)
    burst: int = Field(default=200, ge=1, le=100_000)
    created: str
    revoked: str | None = None

    def opens(self, key: str) -> bool:
        """Whether this is the key, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(_digest(key), self.digest)


class _File(Config):
    format: Literal[1] = FORMAT
    keys: Annotated[tuple[ApiKey, ...], Field(max_length=MOST_KEYS)] = ()


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """All keys, the revoked ones too; none if there is no file. ConfigError if it cannot be read as one."""
    if not path.exists():
        return ()
    try:
        content: Any = read_json(path)
    except Exception as e:
        raise ConfigError(f"{path}: cannot be read as a file of API keys ({e}); restore it.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: is no file of API keys; restore it.")
    return parse(_File, content, str(path)).keys


def add_key(
    path: Path, name: str, scopes: tuple[Scope, ...], now: str, rate: float = 100.0, burst: int = 200
) -> tuple[ApiKey, str]:
    """Make a key; returns its record and the key itself, which is nowhere else.

    now     when, in UTC
    Raises  ConfigError for a name, scope, rate or burst out of range, or too many keys
    """
    key_id = secrets.token_hex(6)
    key = f"shoploop_{key_id}_{secrets.token_hex(32)}"
    values = {"id": key_id, "name": name, "digest": _digest(key), "scopes": scopes, "rate": rate, "burst": burst}
    record = parse(ApiKey, values | {"created": now}, "key")
    with _alone(path):
        keys = read_keys(path)
        if len(keys) >= MOST_KEYS:
            raise ConfigError(f"{path}: holds {MOST_KEYS} keys; a service that needs more wants a gateway before it.")
        _write(path, (*keys, record))
    return record, key


def revoke_key(path: Path, key_id: str, now: str) -> ApiKey:
    """Take a key back; services notice within a second. ConfigError if there is no such key."""
    with _alone(path):
        keys = read_keys(path)
        found = next((key for key in keys if key.id == key_id), None)
        if found is None:
            raise ConfigError(f"key {key_id[:20]}: there is none; `shoploop keys list` names them.")
        revoked = found.model_copy(update={"revoked": found.revoked or now})
        _write(path, tuple(revoked if key is found else key for key in keys))
    return revoked


def key_id(key: str) -> str | None:
    """The id in a key of the right form, else None; no key of another form is looked at further."""
    match = KEY.fullmatch(key)
    return match[1] if match else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Between reading and writing nobody else writes: of two who do, the first one's key would be lost, or a key that
    was revoked come back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent, wait=True):
        yield


def _write(path: Path, keys: tuple[ApiKey, ...]) -> None:
    write_json(path, _File(keys=keys).model_dump(mode="json"))
    path.chmod(0o600)
