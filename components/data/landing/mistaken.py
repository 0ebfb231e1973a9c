"""Files that are no sequences, or not as they seem, and would be read as some: refused, or told to a person."""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.core.errors import DataError

LOOKED_AT = 200  # lines
SIGNS = re.compile(r"::|[,;|]")
UNIX_TIME = re.compile(r"\d{9,10}(\.\d+)?|\d{13}")
FIELDS = range(2, 9)
ENOUGH = 2  # lines
USER_WORD = re.compile(r"(users?|uid|customers?|sessions?|visitors?|members?)([_ ]?ids?)?(:token)?", re.IGNORECASE)
COMMENT = "#"


def refuse_table(label: str, first_lines: Sequence[str]) -> None:
    """Tell whoever gave a table of events in place of sequences what to do; DataError.

    A table's lines hold no white space and as many fields as one another; or each ends with a time, and users stand on
    several.
    """
    lines = [line.strip() for line in first_lines[:LOOKED_AT] if line.strip()]
    if len(lines) < ENOUGH or not (_delimited(lines) or _timed(lines)):
        return
    raise table_of_events(label, f"'{lines[1][:60]}'")


def table_of_events(label: str, seen: str) -> DataError:
    """What to do with a table of events in place of sequences; seen: by what it is known as one."""
    return DataError(
        f"{label}: looks like a table with one event a line ({seen}), where lines `user item item …` are "
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


def refuse_one_line(label: str, first_lines: Sequence[str]) -> None:
    """Refuse lines that all are one to us, because they end in carriage returns only; DataError."""
    if len(first_lines) == 1 and "\r" in first_lines[0].rstrip("\r"):
        raise DataError(f"{label}: its lines end in carriage returns only; convert them, e.g. `tr '\\r' '\\n'`.")


def doubts(first_lines: Sequence[str], delimiter: str | None) -> tuple[str, ...]:
    """What a person should look at before the lines are believed, in sentences."""
    lines = [line for line in first_lines[:LOOKED_AT] if line.strip()]
    rows = [line.split(delimiter) for line in lines]
    told = []
    users = [row[0] for row in rows]
    commented = sum(user.startswith(COMMENT) for user in users) == 1
    if users and (USER_WORD.fullmatch(users[0]) or (commented and users[0].startswith(COMMENT))):
        told.append(
            f"the first line ('{lines[0].strip()[:60]}') looks like a header and is read as a user and items; take it "
            "out if it is one"
        )
    if delimiter is None and len(rows) >= ENOUGH:
        ids = {"user": users, "item": [item for row in rows for item in row[1:]]}
        told += [
            f"every {kind} of the first {len(rows):,} lines holds a sign that parts fields elsewhere "
            f"('{found[0][:60]}'); white space alone parts them here: put it in the sign's place if that is meant"
            for kind, found in ids.items()
            if found and all(SIGNS.search(one) for one in found)
        ]
    return tuple(told)
