"""Columns of raw files: which of them lack one that others of their table have, and whether that may be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from components.core.errors import DataError

MOST_NAMES = 10
Lacking = dict[str, dict[str, list[str]]]  # raw table → file (or member, or sheet) → columns that others have


def refuse(lacking: Lacking, needed: Mapping[str, Collection[str]]) -> None:
    """DataError where a file lacks a column that the mapping reads: its rows would be read as if nothing were known.

    needed  by raw table, the columns that every file has to have (Source.needed)
    """
    for fault in faults(lacking, needed):
        raise DataError(fault)


def faults(lacking: Lacking, needed: Mapping[str, Collection[str]]) -> list[str]:
    """What `refuse` says, by raw table; empty where no file lacks what is needed."""
    found = []
    for raw, files in lacking.items():
        bad = {file: [c for c in columns if c in needed.get(raw, ())] for file, columns in files.items()}
        bad = {file: columns for file, columns in bad.items() if columns}
        if bad:
            found.append(words(raw, bad))
    return found


def words(raw: str, bad: Mapping[str, Collection[str]]) -> str:
    """What is wrong with files that lack columns which the mapping reads, and what to do."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for file, columns in bad.items():
        groups.setdefault(tuple(columns), []).append(file)
    said = [f"{_some(files)}: column {_quoted(columns)} is not there" for columns, files in groups.items()]
    return (
        f"{'; '.join(said)}, but in other files of {raw}, and the mapping reads it. Correct the file; or, in a source "
        "with `columns`, name the column under `may_lack`: such files then tell nothing of it."
    )


def remarks(lacking: Lacking, expected: Mapping[str, Collection[str]]) -> list[tuple[str, str]]:
    """What a person should know, by raw table: one remark for all files that lack the same columns.

    expected  by raw table, columns that a file may lack, of which nothing need be said
    """
    said = []
    for raw, files in lacking.items():
        groups: dict[tuple[str, ...], list[str]] = {}
        for file, columns in files.items():
            told = tuple(c for c in columns if c not in expected.get(raw, ()))
            if told:
                groups.setdefault(told, []).append(file)
        said += [
            (raw, f"{_some(names)}: column {_quoted(columns)} is missing there and is empty in its rows")
            for columns, names in groups.items()
        ]
    return said


def _some(files: Iterable[str]) -> str:
    first, *others = files
    return f"{first} and {len(others):,} more" if others else first


def _quoted(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:MOST_NAMES])
    return f"'{shown}'"
