"""Names of a raw table's columns: one each, usable by every engine."""

from __future__ import annotations

from components.core.errors import DataError
from components.core.schema import SOURCE_FILE, SOURCE_ROW
from components.data.landing.formats import FileFormat, Limits

LONGEST_NAME = 1000


def name_columns(names: list[str], label: str, limits: Limits) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names from a header, and remarks: blanks around them are dropped, nameless ones are numbered.

    Raises DataError if a name stands twice (upper and lower case are one), is taken by us, or holds control characters.
    """
    if len(names) > limits.max_columns:
        raise DataError(f"{label}: {len(names):,} columns, more than limits.max_columns ({limits.max_columns:,}).")
    columns = tuple(name.strip() or f"column_{i}" for i, name in enumerate(names, 1))
    nameless = [str(i) for i, name in enumerate(names, 1) if not name.strip()]
    seen: dict[str, str] = {}
    for name in columns:
        if name.lower() in seen:
            twice = name if seen[name.lower()] == name else f"{seen[name.lower()]}' and '{name}"
            raise DataError(f"{label}: column '{twice}' stands twice in the header; rename one of them.")
        seen[name.lower()] = name
        _check_name(name, label)
    return columns, tuple(f"column {i} has no name and is called column_{i}" for i in nameless)


def _check_name(name: str, label: str) -> None:
    if name.lower() in (SOURCE_FILE, SOURCE_ROW):
        raise DataError(f"{label}: column '{name}' has a name that landing uses itself; rename it.")
    if not name.isprintable():
        raise DataError(f"{label}: column {name!r} holds control characters; repair the header.")
    if len(name) > LONGEST_NAME:
        raise DataError(f"{label}: a column name of {len(name):,} characters, '{name[:80]}…'; is there a header?")


def declared_columns(declared: FileFormat, label: str) -> tuple[str, ...]:
    """The names of a file without a header; DataError where params give none."""
    if declared.columns is None:
        raise DataError(f"{label}: without a header its columns must be named; give `columns`.")
    return declared.columns
