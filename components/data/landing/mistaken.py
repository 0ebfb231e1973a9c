"""Files that are no sequences and would be read as some: tables of events, one event a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.core.errors import DataError

LOOKED_AT = 200  # lines
SIGNS = re.compile(r"::|[,;|]")
UNIX_TIME = re.compile(r"\d{9,10}(\.\d+)?|\d{13}")
FIELDS = range(2, 9)
ENOUGH = 2  # lines


def refuse_table(label: str, first_lines: Sequence[str]) -> None:
    """Tell whoever gave a table of events in place of sequences what to do; DataError.

    A table's lines hold no white space and as many fields as one another; or each ends with a time, and users stand on
    several.
    """
    lines = [line.strip() for line in first_lines[:LOOKED_AT] if line.strip()]
    if len(lines) < ENOUGH or not (_delimited(lines) or _timed(lines)):
        return
    raise DataError(
        f"{label}: looks like a table with one event a line ('{lines[1][:60]}'), where lines `user item item …` are "
        "read, white space between them, in the order of time. Write one line for each user, or declare the table in a "
        "params.yaml (source: tables, docs/bring-your-own-data.md): its times count then."
    )


def _delimited(lines: list[str]) -> bool:
    counts = {len(SIGNS.split(line)) for line in lines}
    return len(counts) == 1 and counts.pop() in FIELDS and not any(line.split()[1:] for line in lines)


def _timed(lines: list[str]) -> bool:
    rows = [line.split() for line in lines[1:]]  # the first may be a header
    if len({len(row) for row in rows}) > 1 or len(rows[0]) not in FIELDS or len({row[0] for row in rows}) == len(rows):
        return False
    return all(UNIX_TIME.fullmatch(row[-1]) for row in rows)
