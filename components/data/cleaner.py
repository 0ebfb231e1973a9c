"""The contract of every cleaner: canonical tables in, canonical tables out, every effect counted.

A cleaner sees only rows and what lies before them. Where it needs statistics of many rows (a median, a fence, a fitted
model), it takes them from the reference window alone: the events before `Work.reference`, which split holds to lie
before its first cut-off. So nothing of a test window ever changes a row of a history.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data.reference import reference_end

if TYPE_CHECKING:
    from ibis import Table

    Keep = Callable[[str, Table], Table]


@dataclass(frozen=True)
class Effect:
    """What a cleaner did to one table.

    name   with the table's name it is the metric's name: "duplicates" of interactions is interactions_duplicates
    count  rows or values touched
    words  the same for a person, to be read after the number: "rows dropped: exact duplicates"
    """

    table: str
    name: str
    count: int
    words: str

    @property
    def metric(self) -> str:
        """Its name in counts.json and in MLflow."""
        return f"{self.table}_{self.name}"


@dataclass(frozen=True)
class Cleaned:
    """What a cleaner gives back.

    tables    those it changed, by name
    effects   what it did, zeros included
    examples  a few (table and column, before, after) for the report
    notes     sentences for the report
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    examples: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Work:
    """What cleaners may use beside the tables.

    keep             stores a table under a name and returns it, so that what is counted is not computed again
    folder           an empty folder; what a cleaner writes there is kept beside the clean tables
    aside            the quarantined items, or None
    given            columns the source gave, by table
    reference_share  share of the time span that statistics may be taken from
    """

    keep: Keep
    folder: Path
    aside: Table | None = None
    given: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reference_share: float = 0.7
    _reference: datetime | None = None

    def reference(self, interactions: Table) -> datetime:
        """End of the reference window (UTC, exclusive); found once, then the same for all cleaners."""
        if self._reference is None:
            self._reference = reference_end(interactions, self.reference_share)
        return self._reference

    @property
    def used_reference(self) -> datetime | None:
        """The end of the reference window, if any cleaner took statistics."""
        return self._reference

    def stored(self, cleaner: str, table: str, expression: Table) -> Table:
        """`keep` under a name that no other cleaner's table has."""
        return self.keep(f"{cleaner}_{table}", expression)


class Cleaner(ABC):
    """One kind of repair.

    A subclass names itself by its file and declares `Config` and
    version   an integer, bumped when the same input and options give other rows
    default   True where it runs though params.yaml does not name it
    required  True where params.yaml may not switch it off: later steps rest on it
    """

    Config: ClassVar[type[Config]]
    version: ClassVar[int]
    default: ClassVar[bool] = False
    required: ClassVar[bool] = False

    def __init__(self, config: Config | None = None):
        """The cleaner with its options; `config` defaults to the declared defaults."""
        self.config = config if config is not None else self.Config()

    @classmethod
    def component(cls) -> str:
        """Registered name: the name of the file the class lives in."""
        return cls.__module__.rsplit(".", 1)[-1]

    @abstractmethod
    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Clean the canonical tables; "interactions" and "items" are always there, each with all its columns.

        Interactions may carry one column more, `undone_at` (components/data/undone.py); it must be handed on.
        Expressions only, the same for every engine; row order means nothing. Raises DataError where the data make
        what was asked for impossible.
        """


def blank(table: Table, column: str):
    """True where a text is missing or only spaces."""
    return table[column].strip().nullif("").isnull()


def maybe_blank(table: Table, column: str):
    """True where a text is missing or begins with a space or a control character: all blank ones, found cheaply."""
    return (table[column] < "!").fill_null(True)


def row_count(table: Table) -> int:
    """Rows of a table; runs it."""
    return int(table.count().execute())


def totals(table: Table, sums: Mapping[str, object]) -> dict[str, int]:
    """Several counts of one table in one pass; nothing counts as 0."""
    if not sums:
        return {}
    (found,) = table.agg(**sums).to_pyarrow().to_pylist()
    return {name: int(n or 0) for name, n in found.items()}


def check_columns(cleaner: str, table: str, columns: Iterable[str]) -> None:
    """DataError on a column that the canonical table does not have."""
    for column in columns:
        if column not in schema.COLUMNS[table]:
            known = ", ".join(schema.COLUMNS[table])
            raise DataError(f"clean: {cleaner}: {table} has no column '{column}'; known: {known}.")
