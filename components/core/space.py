"""The space of a component's options that a search may try: declared beside the options, as `space` of its Config."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Floats:
    """Any number from low to high; log: even in its logarithm."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Ints:
    """A whole number from low to high, both included; log: even in its logarithm."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of some values, written as in params.yaml."""

    values: tuple[str | int | float | bool | None, ...]


Parameter = Floats | Ints | Choice
HALF_LIFE = Floats(7, 720, log=True)  # days
NEIGHBOURS = Choice((50, 100, 200, 300, 500))
EMBEDDING = Choice((32, 64, 128, 256))
NEGATIVES = Choice((256, 1024, 2048))  # items drawn for a training step
EPOCHS = Ints(2, 40, log=True)
REPEAT_WEIGHT = Floats(0.05, 1, log=True)  # of what a user had before, where it is to be foretold
