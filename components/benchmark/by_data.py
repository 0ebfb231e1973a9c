"""Options for data of another shape: a rule over facts of the data, and what is laid over a line's own options."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from components.core.config import Config


class Facts(Config):
    """Facts of the data's shape (benchmark/shape.py); what is not named does not matter."""

    users: int | None = Field(default=None, ge=1)
    items: int | None = Field(default=None, ge=1)
    events: int | None = Field(default=None, ge=1)
    median_history: float | None = Field(default=None, ge=1)

    def named(self) -> dict[str, float]:
        """Those that matter."""
        return self.model_dump(exclude_none=True)


class ByData(Config):
    """Options that are laid over a line's own where the data are no smaller and no larger than this."""

    at_least: Facts = Facts()
    at_most: Facts = Facts()
    params: dict[str, Any] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_rule(self) -> ByData:
        if not self.at_least.named() and not self.at_most.named():
            known = ", ".join(Facts.model_fields)
            raise ValueError(f"say in at_least or at_most how large {known} are; else it is no variant")
        return self
