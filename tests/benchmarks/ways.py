"""What the scripts share that hold ways of fitting one model against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.benchmark import material, roster
from components.benchmark.entrant import Spec
from components.benchmark.protocols import Question, prepare, question, splitter
from components.benchmark.shape import fitted_to, shape_of
from components.core import layout


def asked_of(
    data: Path, protocol: str, names: tuple[str, ...], work: Path, *, validation: bool
) -> tuple[Question, dict[str, Spec]]:
    """A fold of the data, and the presets of these models as they suit them."""
    given = material.recognise(data)
    folder = prepare(given, splitter(protocol, given, {}), work)
    specs, _ = fitted_to(roster.chosen(",".join(names), None, timed=given.has_times)[0], shape_of(folder))
    return question(folder, layout.VALIDATION_FOLD if validation else layout.TEST_FOLD), specs


def apart(gains: np.ndarray, first: np.ndarray) -> str:
    """How far the users' figures lie from the first way's on average, and the standard error; NaN does not count."""
    differences = (gains - first)[~np.isnan(gains)]
    return f"{differences.mean():+.4f} ± {differences.std() / len(differences) ** 0.5:.4f}"
