"""The contract of every source: copy the shop's tables byte for byte, then map them to the canonical tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from components.core.config import Config, parse
from components.core.registry import SOURCES
from components.data import engine

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

INTERACTIONS_TABLE = "interactions"
ITEMS_TABLE = "items"
USERS_TABLE = "users"
PROMOTIONS_TABLE = "promotions"


class SourceChoice(Config):
    """Which source, and its own options."""

    component: str = "complete_journey"
    params: dict[str, Any] = Field(default_factory=dict)

    def open(self) -> Source:
        """The source itself; ConfigError if it is unknown or refuses its options."""
        cls = SOURCES.get(self.component)
        return cls(parse(cls.Config, self.params, f"source {self.component}"))


class Source(ABC):
    """Somebody's tables.

    A subclass names itself by its file (`sources/complete_journey.py` is "complete_journey") and declares `Config`,
    `raw` (columns it reads, by table), `local_time_zone` (the shop's clock; canonical times are UTC) and `currency`.
    """

    Config: ClassVar[type[Config]]
    raw: ClassVar[dict[str, dict[str, str]]]
    local_time_zone: ClassVar[str]
    currency: ClassVar[str]

    def __init__(self, config: Config | None = None):
        """The source with its options; `config` defaults to the declared defaults."""
        self.config = config if config is not None else self.Config()

    @classmethod
    def component(cls) -> str:
        """Registered name: the name of the file the class lives in."""
        return cls.__module__.rsplit(".", 1)[-1]

    @abstractmethod
    def ingest(self, destination: Path) -> None:
        """Copy the source's files, byte for byte, into the existing folder `destination`."""

    @abstractmethod
    def tables(self, con: Backend, folder: Path) -> dict[str, Table]:
        """Canonical tables by name (columns of core/schema.py, in that order) from the raw files in `folder`.

        "interactions" and "items" are always there, "users" and "promotions" where the shop has them. Ids are text,
        times are UTC without a zone; no row is left out or repaired here: that is for validate and clean to see.
        Raises DataError if a raw file is missing, cannot be read, or lacks a declared column.
        """

    def read(self, con: Backend, folder: Path, name: str) -> Table:
        """One raw table, held to its declared columns."""
        return engine.read_parquet(con, Path(folder) / f"{name}.parquet", self.raw[name])
