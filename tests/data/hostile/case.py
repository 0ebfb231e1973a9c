"""One row of the table of hostile files: how the file is made, the verdict it must get, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.data.landing import FileFormat, Landed, Limits, land

REFUSED = "refused"  # nothing is written; the message says what, where and what to do
REJECTED = "rows rejected"  # each with its line, its original and the reason; the other rows are landed
REMARKED = "landed with a remark"  # all rows are there, and the report says what a person should know
ACCEPTED = "accepted"  # all rows are there, exactly as written, and nothing is said
QUARANTINED = "rows quarantined"  # landed as text, then set aside with rule and reason by the validate step
STOPPED = "the run stops"  # the validate step writes its report and nothing else
TABLE = "events"
AS_IT_COMES, USUAL = FileFormat(), Limits()

Make = Callable[[Path], object]
Act = Callable[[Path, "Case"], Landed]


def land_folder(root: Path, case: Case) -> Landed:
    """Land the case's files: all that its maker put into root/data."""
    files = sorted((root / "data").iterdir())
    return land(TABLE, files, case.format, root / "work", case.limits, root / "data")


@dataclass(frozen=True)
class Case:
    """A hostile file.

    name      short, unique
    what      what is wrong with it, for the documentation
    verdict   one of the above
    words     part of the message, reason or remark
    make      puts the file or files into the folder it is given
    rows      rows that must be landed, where any are
    rejected  lines that must be rejected
    act       how it is landed; most are just landed
    slow      whether it starts a process
    """

    name: str
    what: str
    verdict: str
    words: str
    make: Make
    rows: int = 0
    rejected: int = 0
    format: FileFormat = AS_IT_COMES
    limits: Limits = USUAL
    act: Act = land_folder
    slow: bool = False


def file(name: str, content: str | bytes) -> Make:
    """A maker of one file."""

    def make(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return make
