"""A piece of a raw file as the readers give it: rows, lines that are no rows, and an account of every line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ORIGINAL, RULE, REASON = "original", "rule", "reason"  # of a rejected line, with SOURCE_FILE and SOURCE_ROW
LONGEST_ORIGINAL = 10_000  # characters of a rejected line that are kept beside its reason; data/ has all of it


@dataclass(frozen=True)
class Rejected:
    """A line that is no row: where it starts, what stood there, the rule it broke and why, in words."""

    row: int
    original: str
    rule: str
    reason: str

    @classmethod
    def of(cls, row: int, original: str, rule: str, reason: str) -> Rejected:
        """With a very long original cut, and saying so."""
        if len(original) > LONGEST_ORIGINAL:
            original = f"{original[:LONGEST_ORIGINAL]}… ({len(original):,} characters in all)"
        return cls(row, original, rule, reason)


@dataclass(frozen=True)
class Account:
    """Where the lines (Excel: rows, parquet: records) of a file went: lines = header + records + continued +
    rejected + blank.

    records    lines that begin what became rows
    continued  further lines of records and rejected records, by newlines inside fields
    rows       rows that came of the records; the same number but for sequences
    """

    lines: int = 0
    header: int = 0
    records: int = 0
    continued: int = 0
    rejected: int = 0
    blank: int = 0
    rows: int = 0

    def __add__(self, other: Account) -> Account:
        return Account(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def balances(self) -> bool:
        """Whether every line is accounted for."""
        return self.lines == self.header + self.records + self.continued + self.rejected + self.blank


@dataclass(frozen=True)
class Piece:
    """Rows of one file, in its order.

    table  the file's columns and SOURCE_ROW; None where there are no rows
    part   what source_file says after the file, where several sheets are read ("#<sheet>")
    """

    table: pa.Table | None
    rejected: list[Rejected] = field(default_factory=list)
    account: Account = Account()
    remarks: tuple[str, ...] = ()
    part: str = ""


Pieces = Iterator[Piece]
