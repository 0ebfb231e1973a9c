"""The shape of the data, and what lines of the roster make of it: what fits short histories does not fit long ones.

A line may hold `by_data`: variants with a rule and options. Every variant whose rule holds is laid over the line's own
options, in the order of the file. The shape is that of the validation fold's history, whichever fold is asked, so that
options chosen there stand for the test fold too, and nothing that is held out for the test has a say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from components.benchmark.by_data import ByData
from components.benchmark.entrant import Spec
from components.core import layout
from components.core.dataset import Histories
from components.splits import store

WORDS = {
    "users": "{:,.0f} users",
    "items": "{:,.0f} items",
    "events": "{:,.0f} events",
    "median_history": "a median history of {:,.0f} events",
}


@dataclass(frozen=True)
class Shape:
    """Of what is fitted on: counts, and how many events half of the users have at least."""

    users: int
    items: int
    events: int
    median_history: float

    @classmethod
    def of(cls, histories: Histories, n_items: int) -> Shape:
        """Measured; users without events do not count."""
        lengths = histories.lengths[histories.lengths > 0]
        median = float(np.median(lengths)) if len(lengths) else 0.0
        return cls(len(lengths), n_items, len(histories.items), median)

    def holds(self, variant: ByData) -> bool:
        """Whether the data are as large as the variant's rule says."""
        large = all(getattr(self, fact) >= least for fact, least in variant.at_least.named().items())
        return large and all(getattr(self, fact) <= most for fact, most in variant.at_most.named().items())


def shape_of(prepared: Path) -> Shape:
    """The shape of a prepared folder's first fold."""
    data = store.load_dataset(prepared / layout.VALIDATION_FOLD / store.DATASET)
    return Shape.of(data.histories, len(data.items))


def fitted_to(specs: dict[str, Spec], shape: Shape) -> tuple[dict[str, Spec], dict[str, list[str]]]:
    """The lines with the options that the data call for, and name → in words what was laid over and why."""
    told = {name: [_words(v, shape) for v in spec.by_data if shape.holds(v)] for name, spec in specs.items()}
    return {name: _laid_over(spec, filter(shape.holds, spec.by_data)) for name, spec in specs.items()}, told


def _laid_over(spec: Spec, variants: Iterable[ByData]) -> Spec:
    params = spec.params
    for variant in variants:
        params = params | variant.params
    return replace(spec, params=params, by_data=())


def _words(variant: ByData, shape: Shape) -> str:
    bounds = [(fact, f"{least:,g} or more") for fact, least in variant.at_least.named().items()]
    bounds += [(fact, f"{most:,g} or less") for fact, most in variant.at_most.named().items()]
    found = " and ".join(f"{WORDS[fact].format(getattr(shape, fact))} ({bound})" for fact, bound in bounds)
    options = ", ".join(f"{option} {value}" for option, value in variant.params.items())
    return f"chosen by the data, {found}: {options}"
