"""Design: an experiment as it is declared, to the service that runs it and to whoever reads it out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from components.core.config import Config
from components.core.schema import RANKER
from components.experiments.assignment import assign, check_shares

CONTROL, TREATMENT = "control", "treatment"


class Experiment(Config):
    """A running A/B test: control is the ranker, treatment one of the release's own models.

    name    also the salt of the assignment: a new name shuffles the users anew
    shares  of the users, sum 1
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")  # a folder's name, too
    shares: dict[Literal["control", "treatment"], float] = Field(
        default_factory=lambda: {CONTROL: 0.5, TREATMENT: 0.5}, min_length=2
    )
    treatment_model: str = "household_recency"

    @model_validator(mode="after")
    def _shares_are_shares(self) -> Experiment:
        check_shares(self.shares)
        return self

    @property
    def policies(self) -> dict[str, str]:
        """Variant → what answers: the ranker, or the name of a model."""
        return {CONTROL: RANKER, TREATMENT: self.treatment_model}

    def variant_of(self, unit: str) -> str:
        """The variant of a user."""
        return assign(unit, self.name, self.shares)
