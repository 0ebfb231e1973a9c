"""Whose columns are whose: a shop's table is read by names that are given, or guessed and told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from components.core.errors import DataError

SEPARATORS = re.compile(r"[\s_\-./()（）]+")


def choose(
    there: Sequence[str],
    given: Mapping[str, Sequence[str]],
    guesses: Mapping[str, Sequence[str]],
    needed: Sequence[str],
    where: str,
) -> dict[str, tuple[str, ...]]:
    """The columns that serve each role.

    there    the table's columns
    given    role → columns a person named; they are taken as they are
    guesses  role → names to look for, best first, without case and separators
    needed   roles without which the table is of no use
    Raises   DataError if a named column is not there, or a needed role finds none
    """
    plain = {SEPARATORS.sub("", name).casefold(): name for name in reversed(there)}
    chosen: dict[str, tuple[str, ...]] = {}
    for role, names in guesses.items():
        if given.get(role):
            _check(given[role], there, role, where)
            chosen[role] = tuple(given[role])
            continue
        found = next((plain[name] for name in map(_plain, names) if name in plain), None)
        chosen[role] = (found,) if found is not None else ()
    for role in needed:
        if not chosen[role]:
            raise DataError(
                f"{where}: no column looks like the {role}; name it with --{role}. There are: {', '.join(there)}."
            )
    return chosen


def _plain(name: str) -> str:
    return SEPARATORS.sub("", name).casefold()


def _check(names: Sequence[str], there: Sequence[str], role: str, where: str) -> None:
    missing = [name for name in names if name not in there]
    if missing:
        raise DataError(f"{where}: --{role} names '{missing[0]}', which is no column; there are: {', '.join(there)}.")
