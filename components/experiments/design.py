"""Design: an experiment as it is declared, to the service that runs it and to whoever reads it out."""

from __future__ import annotations

from pydantic import Field, model_validator

from components.core.config import Config
from components.experiments.assignment import assign, check_shares


class Variant(Config):
    """share of the households, and the policy that answers them: "ranker", or the name of one of a release's models."""

    share: float = Field(ge=0, le=1)
    policy: str


class Experiment(Config):
    """A control and a treatment, in this order.

    name  also the salt of the assignment: a new name shuffles the households anew
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")  # a folder's name, too
    variants: dict[str, Variant] = Field(min_length=2, max_length=2)

    @model_validator(mode="after")
    def _shares_are_shares(self) -> Experiment:
        check_shares(self.shares)
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Variant → share, the control first."""
        return {name: variant.share for name, variant in self.variants.items()}

    def variant_of(self, unit: str) -> str:
        """The variant of a household."""
        return assign(unit, self.name, self.shares)

    def policy_of(self, unit: str) -> str:
        """The policy that answers a household."""
        return self.variants[self.variant_of(unit)].policy
