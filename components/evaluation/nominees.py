"""Two nominees for one release, declared before the test window is looked at: the ranker, and its stand-in.

The stand-in is the order of the one model that was best alone on the validation window. It takes the ranker's place
only where the ranker is clearly worse on the test window: in one view it loses to it outside the interval of the paired
difference, and in none it wins so. The burden of proof is the stand-in's: where both are alike, luck makes it pass in
at most one of twenty runs (2.5 % a view). Which of several models is best is never asked of the test window.

Choosing by the window that is reported flatters what is reported: of two, by whatever rule, by at most 0.4 standard
errors of their difference, the mean of a normal error where it is below zero and nothing where it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from components.core.schema import RANKER
from components.evaluation import compare
from components.evaluation.compare import Figure, signed
from components.evaluation.protocol import CUTOFF, VIEW_WORDS, VIEWS, Measured
from components.metrics.intervals import Z95

STAND_IN = "stand_in"  # its order, until it is known which nominee is released
SET_ASIDE = "trained_ranker"  # the ranker's name beside the others where it gave way, and RANKER is what is released
WIDTH = 2 * Z95  # of a 95 % interval, in standard errors
MOST_FLATTERED = 1 / np.sqrt(2 * np.pi)  # standard errors


@dataclass(frozen=True)
class Nominees:
    """Both, measured for the same users of the test window.

    stand_in     the model
    held_out     how it stood beside the ranker on the validation window, in words
    figures      RANKER and the model → view → NDCG@10 of its order
    differences  view → NDCG@10 of the ranker minus that of the stand-in, user by user
    """

    stand_in: str
    held_out: str
    figures: dict[str, dict[str, Figure]]
    differences: dict[str, Figure]

    @classmethod
    def measured(
        cls,
        stand_in: str,
        held_out: str,
        ranker: dict[str, Measured],
        other: dict[str, Measured],
        rng: np.random.Generator,
    ) -> Nominees:
        """From what was measured of the ranker's and of the stand-in's order, by view."""
        found = {RANKER: ranker, stand_in: other}
        figures = {n: {v: compare.figure(parts[v].per_user["ndcg"], rng) for v in VIEWS} for n, parts in found.items()}
        return cls(stand_in, held_out, figures, {v: compare.difference(ranker[v], other[v], rng) for v in VIEWS})

    @property
    def ranker_gives_way(self) -> bool:
        """Whether the stand-in's order takes the ranker's place."""
        return clearly_worse(self.differences)

    @property
    def flattered(self) -> float:
        """By how much the choice can make a nominee's NDCG@10 look better than it is, by the luck of the users."""
        return float(MOST_FLATTERED * max(cell["high"] - cell["low"] for cell in self.differences.values()) / WIDTH)

    def report(self) -> dict[str, Any]:
        """As report.json tells of it; `standing_in` and `words_of` read it."""
        return {
            "stand_in": self.stand_in,
            "held_out": self.held_out,
            "figures": self.figures,
            "differences": self.differences,
            "flattered_by_at_most": self.flattered,
            "order": self.stand_in if self.ranker_gives_way else RANKER,
            "words": self.words,
        }

    @property
    def words(self) -> str:
        """Who gives the order, why, and what that does to the figures."""
        differences = ", ".join(f"{signed(self.differences[view])} on {VIEW_WORDS[view]}" for view in VIEWS)
        told = (
            f"by NDCG@{CUTOFF} {differences}. On the validation window, which named it, the ranker had {self.held_out}."
        )
        if self.ranker_gives_way:
            return (
                f"The order is that of {self.stand_in} alone, which stands in for the ranker: on the test window the "
                f"ranker is clearly worse than it, {told} Both were declared beforehand, yet this window "
                f"chose between them, which flatters its NDCG@{CUTOFF} by up to {self.flattered:.4f}: let an A/B test "
                "decide."
            )
        how = (
            f"on the test window it is clearly worse than {self.stand_in}, its stand-in, in one view and clearly "
            "better in the other"
            if _loses(self.differences)
            else f"on the test window it is not clearly worse than {self.stand_in}, its stand-in"
        )
        return f"The order is the ranker's: {how}, {told}"


def clearly_worse(differences: dict[str, Figure]) -> bool:
    """Whether a difference lies wholly below zero in one view at least, and wholly above it in none."""
    return _loses(differences) and not any(cell["low"] > 0 for cell in differences.values())


def standing_in(report: dict[str, Any]) -> str | None:
    """The model whose order evaluation/report.json is of, in the ranker's place; None: it is of the ranker's own."""
    order = (report.get("nominees") or {}).get("order", RANKER)
    return None if order == RANKER else order


def words_of(report: dict[str, Any]) -> str:
    """What evaluation/report.json says of its nominees; empty where there was one only."""
    return (report.get("nominees") or {}).get("words", "")


def _loses(differences: dict[str, Figure]) -> bool:
    return any(cell["high"] < 0 for cell in differences.values())
