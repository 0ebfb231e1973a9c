"""The person to forget, under every name by which the project may know them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from components.core import layout, schema
from components.core.errors import ConfigError
from components.core.letters import composed, spellings
from components.core.pseudonyms import LONGEST_ID, PseudonymKey, find_key, retired_keys

if TYPE_CHECKING:
    from components.data.source import Source

SHORTEST_SOUGHT = 6  # letters; a shorter id also stands for a count, a day or a price in free text
BLOCK_SIZE = 2**20
NOT_A_LETTER = rb"(?<![0-9A-Za-z_])%b(?![0-9A-Za-z_])"


@dataclass(frozen=True)
class Person:
    """Who, and where to look.

    user_id  as the shop spells it, in one Unicode form
    names    that in all forms in which files may hold it, and its pseudonyms under every key that is here
    columns  columns of parquet files that name users: the canonical one, and those of the source's own tables
    """

    user_id: str
    names: frozenset[str]
    columns: frozenset[str] = frozenset({schema.USER_ID})

    @property
    def sought_in_text(self) -> tuple[str, ...]:
        """Names long enough to be sought where no column tells what a word is."""
        return tuple(sorted(name for name in self.names if len(name) >= SHORTEST_SOUGHT))

    def is_in_text(self, text: bytes) -> bool:
        """Whether a name stands there as a word of its own."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def is_in_file(self, path: Path) -> bool:
        """`is_in_text` of a whole file."""
        with open(path, "rb") as file:
            return self.is_in_stream(file)

    def is_in_stream(self, file: IO[bytes]) -> bool:
        """`is_in_text` of what is left of a stream, a block at a time."""
        overlap = 4 * LONGEST_ID + 1
        rest = b""
        while block := file.read(BLOCK_SIZE):
            if self.is_in_text(rest + block):
                return True
            rest = block[-overlap:]
        return False

    @cached_property
    def _pattern(self) -> re.Pattern[bytes] | None:
        words = [re.escape(name.encode()) for name in self.sought_in_text]
        return re.compile(NOT_A_LETTER % (b"(?:" + b"|".join(words) + b")")) if words else None


def person(root: Path, user_id: str, source: Source) -> Person:
    """The person of that id in this source's tables; ConfigError if it is no id."""
    if not 0 < len(user_id) <= LONGEST_ID:
        raise ConfigError(f"forget: an id has 1 to {LONGEST_ID} characters, found {len(user_id)}.")
    user_id, written = composed(user_id), spellings(user_id)
    names = written | {key.pseudonym(user_id) for key in keys(root)}
    return Person(user_id, frozenset(names), frozenset({schema.USER_ID, *source.user_columns.values()}))


def keys(root: Path) -> list[PseudonymKey]:
    """Every key that is here, the one in use first."""
    found = [find_key(root / layout.STATE), *retired_keys(root / layout.STATE)]
    return [key for key in found if key is not None]
