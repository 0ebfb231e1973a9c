"""Files that are no sequences and would be read as some: tables of events, one event a line."""

from __future__ import annotations

import gzip
import re
from itertools import islice
from pathlib import Path

from components.core.errors import DataError

LOOKED_AT = 200  # lines
LONGEST = 65_536  # bytes of a line that are looked at; a sequence may be longer
SIGNS = re.compile(r"::|[,;|]")
UNIX_TIME = re.compile(r"\d{9,10}(\.\d+)?|\d{13}")
FIELDS = range(2, 9)
ENOUGH = 2  # lines


def refuse_table(file: Path) -> None:
    """Tell whoever gave a table of events in place of sequences what to do; DataError.

    A table's lines hold no white space and as many fields as one another; or each ends with a time, and users stand on
    several. What cannot be read as text is left to the reader of sequences, which has words for it.
    """
    lines = _first_lines(file)
    if len(lines) < ENOUGH or not (_delimited(lines) or _timed(lines)):
        return
    raise DataError(
        f"{file}: looks like a table with one event a line ('{lines[1][:60]}'), and a benchmark reads lines "
        "`user item item …`, white space between them, in the order of time. Write one line for each user, or name "
        "the table in a params.yaml (source: tables, docs/bring-your-own-data.md) and give that: its times count then."
    )


def _first_lines(file: Path) -> list[str]:
    read = gzip.open if file.suffix == ".gz" else open
    try:
        with read(file, "rb") as raw:
            found = [
                line.decode("utf-8").strip() for line in islice(iter(lambda: raw.readline(LONGEST), b""), LOOKED_AT)
            ]
    except (OSError, EOFError, UnicodeDecodeError):
        return []
    return [line for line in found if line]


def _delimited(lines: list[str]) -> bool:
    counts = {len(SIGNS.split(line)) for line in lines}
    return len(counts) == 1 and counts.pop() in FIELDS and not any(line.split()[1:] for line in lines)


def _timed(lines: list[str]) -> bool:
    rows = [line.split() for line in lines[1:]]  # the first may be a header
    if len({len(row) for row in rows}) > 1 or len(rows[0]) not in FIELDS or len({row[0] for row in rows}) == len(rows):
        return False
    return all(UNIX_TIME.fullmatch(row[-1]) for row in rows)
