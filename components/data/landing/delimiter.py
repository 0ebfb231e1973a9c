"""Which delimiter cuts a CSV file: the one that cuts its first lines all alike, else a person must say."""

from __future__ import annotations

import csv

from components.core.errors import DataError

CANDIDATES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE_RECORDS = 200
NO_CUT = (0.0, 0)
ALIKE = 0.9  # share of the records with as many fields as the first


def find_delimiter(lines: list[str], quote: str | None, label: str) -> str:
    """The delimiter of these first lines of a file; a comma where every line is one field.

    Where none cuts nine lines in ten alike, the one that cuts the header widest: what is ragged is rejected later.
    Raises DataError if two delimiters cut them equally well.
    """
    scores = {delimiter: _score(lines, delimiter, quote) for delimiter in CANDIDATES}
    best = max(scores.values())
    if best == NO_CUT:
        scores = {delimiter: (0.0, _header_width(lines, delimiter, quote)) for delimiter in CANDIDATES}
        best = max(scores.values())
    if best <= (0.0, 1):
        return ","
    winners = [delimiter for delimiter, score in scores.items() if score == best]
    if len(winners) > 1:
        names = " and ".join(CANDIDATES[w] for w in winners)
        raise DataError(f"{label}: {names} cut its first lines equally well; declare `delimiter`.")
    return winners[0]


def refuse_uncut(lines: list[str], declared: str, quote: str | None, label: str) -> None:
    """DataError where the declared delimiter leaves the header whole and another would cut the lines alike."""
    if not lines or declared in lines[0]:
        return
    for other, name in CANDIDATES.items():
        if _score(lines, other, quote) != NO_CUT:
            raise DataError(
                f"{label}: the delimiter {declared!r} is not in its first line {lines[0].strip()[:200]!r}; "
                f"{name} cuts its lines alike, declare `delimiter: {other!r}`."
            )


def _score(lines: list[str], delimiter: str, quote: str | None) -> tuple[float, int]:
    """How many of the records are as wide as the first (if nine in ten are) and how wide that is."""
    widths = _widths(lines, delimiter, quote)
    if not widths or widths[0] < 2:
        return NO_CUT
    alike = sum(width == widths[0] for width in widths) / len(widths)
    return (round(alike, 2), widths[0]) if alike >= ALIKE else NO_CUT


def _header_width(lines: list[str], delimiter: str, quote: str | None) -> int:
    return next(iter(_widths(lines[:1], delimiter, quote)), 0)


def _widths(lines: list[str], delimiter: str, quote: str | None) -> list[int]:
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    try:
        rows = csv.reader(lines, delimiter=delimiter, quotechar=quote, quoting=quoting)
        return [len(row) for row in rows if row][:SAMPLE_RECORDS]
    except csv.Error:  # a lone carriage return, a NUL: judged line by line when it is read
        return []
