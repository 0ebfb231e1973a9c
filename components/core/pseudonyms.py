"""Pseudonyms: a person's id → 32 hex characters that only the holder of the shop's key can make.

The same function twice, once for a column (an Ibis expression, for every engine) and once for a single id (the
service). It is HMAC's two nested hashes with SHA-256, each keyed by its first block; the blocks are derived from the
key as hexadecimal text, and the inner digest enters the outer hash as such, because SQL hashes text and not bytes.
Source: Bellare, Canetti & Krawczyk 1996, "Keying hash functions for message authentication" (NMAC).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import layout, schema
from components.core.errors import ConfigError

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue

KEY_VARIABLE = "SHOPLOOP_PSEUDONYM_KEY"
LENGTH = 32  # hex characters: 128 bits
LONGEST_ID = 200  # characters; expectations/ sets longer ids aside; they stay as they are
SHORTEST_KEY = 32  # characters
LONGEST_KEY = 1024


@dataclass(frozen=True)
class PseudonymKey:
    """The shop's secret; it is never printed, `fingerprint` stands for it."""

    secret: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """16 hex characters that tell two keys apart and give nothing away of a random one."""
        return _sha256(f"shoploop fingerprint {self.secret}")[:16]

    def pseudonym(self, user_id: str) -> str:
        """The pseudonym of one id; empty and over-long ids, which no suite accepts, stay as they are."""
        if not 0 < len(user_id) <= LONGEST_ID:
            return user_id
        return _sha256(self._outer + _sha256(self._inner + user_id))[:LENGTH]

    def pseudonyms(self, user_ids: StringValue) -> StringValue:
        """`pseudonym` of a text column, null for null."""
        import ibis

        inner = (ibis.literal(self._inner) + user_ids).hexdigest("sha256")
        hashed = (ibis.literal(self._outer) + inner).hexdigest("sha256").substr(0, LENGTH)
        return user_ids.length().between(1, LONGEST_ID).ifelse(hashed, user_ids)

    @property
    def _inner(self) -> str:
        return _sha256(f"shoploop inner {self.secret}")

    @property
    def _outer(self) -> str:
        return _sha256(f"shoploop outer {self.secret}")


def pseudonymised(tables: Mapping[str, Table], key: PseudonymKey) -> dict[str, Table]:
    """The canonical tables with a pseudonym in place of every user_id; other columns are as they were."""
    return {
        name: table.mutate(**{schema.USER_ID: key.pseudonyms(table[schema.USER_ID])})
        if schema.USER_ID in table.columns
        else table
        for name, table in tables.items()
    }


def without_forgotten(tables: Mapping[str, Table], forgotten: Mapping[PseudonymKey, list[str]]) -> dict[str, Table]:
    """The canonical tables, their user ids as the source gives them, without the rows of people who were forgotten.

    forgotten  pseudonyms by the key that made them
    """
    kept = dict(tables)
    for key, people in forgotten.items():
        for name, table in kept.items():
            if schema.USER_ID in table.columns and people:
                is_one = key.pseudonyms(table[schema.USER_ID]).isin(people)
                kept[name] = table.filter(~is_one.coalesce(False))  # a guest has no id
    return kept


def find_key(*folders: Path, environment: Mapping[str, str] = os.environ) -> PseudonymKey | None:
    """The key of the environment, else of the first `pseudonym.key` in these folders, else None.

    Raises ConfigError if what is there is no key.
    """
    said = environment.get(KEY_VARIABLE)
    if said:
        return _checked(said, f"environment {KEY_VARIABLE}")
    for path in (Path(folder) / layout.PSEUDONYM_KEY.name for folder in folders):
        if path.is_file():
            return _read(path)
    return None


def make_key(folder: Path) -> PseudonymKey:
    """A new random key in `folder`, readable by its owner only; where another process was quicker, that one's."""
    path = Path(folder) / layout.PSEUDONYM_KEY.name
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as f:
            f.write(secrets.token_hex(32) + "\n")
            f.flush()
            os.fsync(f.fileno())
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
    return _read(path)


def key_of(fingerprint: str, *folders: Path) -> PseudonymKey | None:
    """The key with this fingerprint, in use or retired, if it is in the environment or in one of these folders."""
    found = [find_key(), *(find_key(folder, environment={}) for folder in folders)]
    found += [key for folder in folders for key in retired_keys(folder)]
    return next((key for key in found if key is not None and key.fingerprint == fingerprint), None)


def retired_keys(folder: Path) -> list[PseudonymKey]:
    """Keys that were replaced; they are kept in `folder` to recognise people who were forgotten under them."""
    name = layout.PSEUDONYM_KEY
    return [_read(path) for path in sorted(Path(folder).glob(f"{name.stem}.*{name.suffix}"))]


def retire_key(folder: Path) -> None:
    """Put the key file of `folder` aside under its fingerprint, to make room for another."""
    path = Path(folder) / layout.PSEUDONYM_KEY.name
    os.replace(path, path.with_name(f"{path.stem}.{_read(path).fingerprint}{path.suffix}"))


def _read(path: Path) -> PseudonymKey:
    try:
        return _checked(path.read_text(encoding="utf-8").strip(), str(path))
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: the key of the pseudonyms cannot be read ({e}); restore the file.") from None


def _checked(secret: str, where: str) -> PseudonymKey:
    if not SHORTEST_KEY <= len(secret) <= LONGEST_KEY:
        raise ConfigError(
            f"{where}: a key has {SHORTEST_KEY} to {LONGEST_KEY} characters, found {len(secret)}; "
            "`openssl rand -hex 32` makes one. To go on with earlier pseudonyms, restore the key that made them."
        )
    return PseudonymKey(secret)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
