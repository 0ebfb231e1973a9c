"""Land the raw files of one table: every line a row, rejected with its reason, or blank, and the sums must agree."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.bundle import write_json
from components.core.errors import DataError, ShoploopError
from components.core.progress import track
from components.data import file_columns
from components.data.landing.archive import archive_members
from components.data.landing.formats import (
    CSV,
    EXCEL,
    JSONL,
    SEQUENCES,
    FileFormat,
    FormatName,
    Limits,
    format_of,
    is_archive,
)
from components.data.landing.opening import Member, plain_member, unchanged
from components.data.landing.piece import Account, Pieces

if TYPE_CHECKING:
    from components.data.landing.writer import LandedWriter

MOST_REASONS = 3
CHECK_FORM = "check `delimiter`, `quote`, `encoding` and `columns`; a title above the header has to go"
REMEDIES = {SEQUENCES: "write a line `user item item …` for each user, white space between them"}


@dataclass(frozen=True)
class Landed:
    """What became of the raw files of one table.

    rows, rejected  counts over all files
    path            parquet of the file's columns, source_file and source_row (the line, or record, where a row starts)
    rejected_path   parquet of source_file, source_row, original, rule, reason; not written where nothing was rejected
    accounts        where each file's lines went
    remarks         what a person should know: guesses made, sheets not read, columns some files lack
    lacking         by file: these columns
    """

    rows: int
    rejected: int
    path: Path
    rejected_path: Path
    accounts: dict[str, Account]
    remarks: tuple[str, ...]
    lacking: dict[str, list[str]]


def land(
    name: str,
    files: Iterable[Path],
    file_format: FileFormat,
    work: Path,
    limits: Limits,
    root: Path,
    *,
    may_be_empty: bool = False,
) -> Landed:
    """Bring the raw files of table `name` into work/<name>.parquet, in the order given, and tell what became of them.

    files    files (or parquet folders) below `root`; gzipped ones and archives too
    root     folder that source_file is relative to (data/)
    may_be_empty  no row at all is no error: then <name>.parquet is not written
    Writes   <name>.parquet, <name>.rejected.parquet, <name>.landed.json (counts and remarks), all or nothing
    Raises   DataError if a file cannot be read as what it is declared to be, or none of them holds a row
    """
    from components.data.landing.writer import LandedWriter

    accounts: dict[str, Account] = {}
    remarks: list[str] = []
    with _worded_full_disk(name, Path(work)), LandedWriter(name, work, limits.max_columns) as writer:
        for member in members(files, root, file_format, limits, Path(work)):
            reader = _reader(format_of(member.name, file_format), file_format, limits, Path(work))
            accounts[member.label] = _land_member(member, reader, writer, remarks)
        if not may_be_empty or not accounts:
            _refuse_nothing(name, accounts, writer, REMEDIES.get(file_format.format, CHECK_FORM))
        lacking = writer.lacking()
        writer.finish()
    remarks += [words for _, words in file_columns.remarks({name: lacking}, {})]
    landed = Landed(
        sum(a.rows for a in accounts.values()), sum(a.rejected for a in accounts.values()), writer.path,
        writer.rejected_path, accounts, tuple(remarks), lacking,
    )  # fmt: skip
    files_told = {label: asdict(account) for label, account in accounts.items()}
    write_json(
        Path(work) / f"{name}.landed.json",
        {
            "rows": landed.rows,
            "rejected": landed.rejected,
            "files": files_told,
            "remarks": remarks,
            "lacking": lacking,
        },
    )
    return landed


@contextmanager
def _worded_full_disk(name: str, work: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ShoploopError(
            f"land {name}: {os.strerror(e.errno)} in {work}; free some space and run again, "
            "nothing half-written is left."
        ) from None


def members(files: Iterable[Path], root: Path, declared: FileFormat, limits: Limits, work: Path) -> Iterator[Member]:
    """The files one by one, folders and archives opened up; each is held to be unchanged when the next is asked for."""
    for path in _plain_files(files):
        label = _label(path, Path(root))
        with unchanged(path, label):
            if is_archive(path.name):
                yield from archive_members(path, label, declared, limits, work)
            else:
                yield plain_member(path, label, limits)


def _plain_files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        yield from sorted(filter(_is_data, path.rglob("*"))) if path.is_dir() else [path]


def _is_data(path: Path) -> bool:
    """Not a folder, nor what Spark and file managers leave beside the data."""
    return not path.is_dir() and not path.name.startswith(("_", "."))


def _label(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        raise DataError(f"{path}: is not below {root}; ingest copies raw files there.") from None


def _reader(kind: FormatName, declared: FileFormat, limits: Limits, work: Path) -> Callable[[Member], Pieces]:
    if kind == CSV:
        from components.data.landing.csv_table import read_csv

        return partial(read_csv, declared=declared, limits=limits)
    if kind == JSONL:
        from components.data.landing.json_lines import read_json_lines

        return partial(read_json_lines, declared=declared, limits=limits)
    if kind == EXCEL:
        from components.data.landing.excel import read_excel

        return partial(read_excel, declared=declared, limits=limits, work=work)
    if kind == SEQUENCES:
        from components.data.landing.sequences import read_sequences

        return partial(read_sequences, declared=declared, limits=limits)
    from components.data.landing.parquet import read_parquet

    return partial(read_parquet, limits=limits, work=work)


def _land_member(
    member: Member, reader: Callable[[Member], Pieces], writer: LandedWriter, remarks: list[str]
) -> Account:
    account = Account()
    for piece in track(reader(member), f"land {member.label}"):
        writer.add(member.label + piece.part, piece)
        account += piece.account
        remarks += [f"{member.label}: {remark}" for remark in piece.remarks]
    if not account.balances:
        raise DataError(f"{member.label}: its lines do not add up, {account}; a fault of shoploop, please report it.")
    if not account.rows and not account.rejected:
        remarks.append(f"{member.label}: holds no rows")
    return account


def _refuse_nothing(name: str, accounts: dict[str, Account], writer: LandedWriter, remedy: str) -> None:
    if not accounts:
        raise DataError(f"{name}: no files; name them in the source's parameters.")
    if any(account.rows for account in accounts.values()):
        return
    if not writer.reasons:
        raise DataError(f"{name}: {', '.join(accounts)}: a header at most and no rows; export the table again.")
    said = "; ".join(f"{count:,}: {reason}" for reason, count in writer.reasons.most_common(MOST_REASONS))
    raise DataError(f"{name}: every line of {', '.join(accounts)} is rejected ({said}); {remedy}.")
