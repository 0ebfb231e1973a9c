"""Figures against their lines: each is printed with whether it holds; a script of which one misses ends with 1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MISSED_CODE = 1


@dataclass(frozen=True)
class Line:
    """A figure and what it may be at most, or, with `least`, must be at least. One that is no number misses."""

    what: str
    figure: float
    line: float
    unit: str = ""
    least: bool = False

    @property
    def holds(self):
        """Whether the figure is within its line."""
        return self.figure >= self.line if self.least else self.figure <= self.line

    def __str__(self):
        """The row, as it is printed."""
        said, asked = "holds " if self.holds else "MISSED", "at least" if self.least else "at most"
        return f"{said} {self.what}: {self.figure:.4g}{self.unit} ({asked} {self.line:g}{self.unit})"


def told(lines: Iterable[Line]) -> int:
    """Print every line; returns the exit code of a script: 1 if one was missed."""
    lines = list(lines)
    for line in lines:
        print(line)
    return 0 if all(line.holds for line in lines) else MISSED_CODE
