"""The contract of every source: copy the shop's files byte for byte, land them, map them to the canonical tables.

ingest  somebody's files → data/, byte for byte (validate holds them to data.dvc)
land    data/ → typed or textual parquet that every engine reads alike; what is no row at all is set aside there
tables  landed parquet → canonical tables, as Ibis expressions; a value that cannot be read becomes null, and the row's
        `problem` says what stood there
"""

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


class SourceChoice(Config):
    """Which source, and its own options.

    pseudonymise  whether user ids are hashed with the shop's key as they enter; None asks the source
    """

    component: str = "complete_journey"
    params: dict[str, Any] = Field(default_factory=dict)
    pseudonymise: bool | None = None

    @property
    def pseudonymises(self) -> bool:
        """Whether this project's user ids are pseudonyms of our own making."""
        if self.pseudonymise is not None:
            return self.pseudonymise
        return not self.open().pseudonymous

    def open(self) -> Source:
        """The source itself; ConfigError if it is unknown or refuses its options."""
        cls = SOURCES.get(self.component)
        return cls(parse(cls.Config, self.params, f"source {self.component}"))


class Source(ABC):
    """Somebody's tables.

    A subclass names itself by its file (`sources/complete_journey.py` is "complete_journey") and declares `Config`,
    `raw` (columns it reads, by table), `local_time_zone` (the shop's clock; canonical times are UTC) and `currency`.
    has_times      False where only the order of a user's events is known: times are then made up, one day apart
    pseudonymous   True where the publisher already replaced the users' ids; else they are hashed with the shop's key
    user_columns   where `tables` carry no TRACE: the column of every parquet file in data/ that names users, by file
    same_rows      canonical table → the raw table whose n-th row is its n-th row; for quarantine to find the original
    closed         why no file can be added to data/, and what to do instead; empty where files can be (`by_file`)
    """

    Config: ClassVar[type[Config]]
    raw: ClassVar[dict[str, dict[str, str]]]
    local_time_zone: ClassVar[str]
    currency: ClassVar[str]
    has_times: ClassVar[bool] = True
    pseudonymous: ClassVar[bool] = False
    user_columns: ClassVar[dict[str, str]] = {}
    same_rows: ClassVar[dict[str, str]] = {}
    closed: ClassVar[str] = ""

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

    def land(self, folder: Path, work: Path) -> Path:
        """Bring the raw files of `folder` into parquet that every engine reads; returns the folder that holds it.

        work     an empty folder to write to
        Returns  `folder` itself where its files are parquet already; else `work`, with `<raw table>.parquet` for each
                 and, where lines were no rows at all, `<raw table>.rejected.parquet` (source_file, source_row,
                 original, rule, reason)
        Raises   DataError on a file that cannot be read as what it is declared to be
        """
        return Path(folder)

    def sample(self, work: Path, rows: int) -> dict[str, Any]:
        """Land the first rows of each raw table in the empty folder `work`, from where the files lie now.

        Returns  what was landed, by raw table: at least its file or files and its rows
        """
        raise NotImplementedError(self.component())

    def by_file(self) -> tuple[str, ...]:
        """The canonical tables whose every row is made of one row of one raw file, whatever else the files hold.

        New files of such a table are judged without reading the old ones again. Their rows carry TRACE. Where there is
        any, `files_in`, `land_file` and `land_beside` take the place of `land`. A source without any says
        why (`closed`).
        """
        return ()

    def files_in(self, folder: Path) -> dict[str, list[Path]]:
        """The raw files in `folder` (data/), by raw table."""
        raise NotImplementedError(self.component())

    def needed(self, landed: dict[str, Table]) -> dict[str, set[str]]:
        """By raw table, the columns that none of its files may lack; `landed` holds the landed raw tables."""
        return {}

    def optional(self, landed: dict[str, Table]) -> dict[str, set[str]]:
        """By raw table, the columns that are read, and that a file may lack."""
        return {}

    def needed_before(self, folder: Path, work: Path) -> dict[str, set[str]]:
        """As `needed`, of what a look at files in `folder` (data/) finds; `work` is an empty folder for the look."""
        return {}

    def land_file(self, name: str, file: Path, folder: Path, work: Path) -> None:
        """Land one file of the raw table `name` as `land` would, to a folder of its own; a file may hold no row."""
        raise NotImplementedError(self.component())

    def land_beside(self, folder: Path, work: Path) -> None:  # noqa: B027 - most have nothing to do
        """Land to `work` what `tables` reads beside the files of the raw tables."""

    @abstractmethod
    def tables(self, con: Backend, folder: Path) -> dict[str, Table]:
        """Canonical tables by name from the landed files in `folder`.

        Columns are those of core/schema.py, in that order: the required ones, the optional ones the shop has, and
        perhaps TRACE. "interactions" and "items" are always there, the others where the shop has them. Ids are text,
        times are UTC without a zone; no row is left out or repaired here: that is for validate and clean to see.
        Raises DataError if a raw file is missing, cannot be read, or lacks a declared column.
        """

    def read(self, con: Backend, folder: Path, name: str) -> Table:
        """One raw table, held to its declared columns."""
        return engine.read_parquet(con, Path(folder) / f"{name}.parquet", self.raw[name])
