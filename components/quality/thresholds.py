"""Thresholds: how a shop tunes single rules in params.yaml without editing the suites.

A key is a rule's name (`item_listed`, wherever it is) or `table.rule`; the closer key wins. What was changed stands
beside the rule in the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field, FiniteFloat, field_validator, model_validator

from components.core.config import Config
from components.core.errors import ConfigError, did_you_mean
from components.quality.rules import ROW_RULE_PREFIX, Rule

OUTCOME = "outcome"
OVERRIDE = "override"  # in a rule's meta: what params.yaml changed, in words
# Name in params.yaml → key in the rule's kwargs.
BOUNDS = {"mostly": "mostly", "min": "min_value", "max": "max_value"}


class Threshold(Config):
    """What params.yaml says about one rule; what is left out stays as the suite has it."""

    outcome: Literal["quarantine", "warn", "stop"] | None = None
    mostly: float | None = Field(None, gt=0, le=1, description="share of the rows that must hold")
    min: FiniteFloat | str | None = Field(None, description="least value; also a time, in UTC")
    max: FiniteFloat | str | None = Field(None, description="largest value")

    @field_validator("min", "max", mode="before")
    @classmethod
    def _times_are_text(cls, value: Any) -> Any:
        """YAML reads 2018-01-02 as a date; the suites write times as text."""
        return str(value) if isinstance(value, date) else value

    @model_validator(mode="after")
    def _says_something(self) -> Threshold:
        if not self.model_fields_set:
            raise ValueError("says nothing; give outcome, mostly, min or max, or leave the rule out")
        return self


def tuned(
    table: str, rules: Iterable[Rule], thresholds: Mapping[str, Threshold], where: str = "params.yaml: thresholds"
) -> tuple[Rule, ...]:
    """The rules of one table with what params.yaml says of them.

    Raises ConfigError if a rule has no such threshold: `mostly` for a rule about the table, `min` for one without it.
    """
    return tuple(_tuned(rule, _closest(table, rule, thresholds), f"{where}.{rule['meta']['rule']}") for rule in rules)


def check_names(
    rules: Mapping[str, Iterable[Rule]], thresholds: Mapping[str, Threshold], where: str = "params.yaml: thresholds"
) -> None:
    """ConfigError on a threshold for a rule that no suite has; rules by table."""
    names = {rule["meta"]["rule"] for found in rules.values() for rule in found}
    full = {f"{table}.{rule['meta']['rule']}" for table, found in rules.items() for rule in found}
    for name in thresholds:
        if name not in names | full:
            hint = did_you_mean(name, full if "." in name else names, "expectations/ lists the rules.")
            raise ConfigError(f"{where}: no suite has a rule '{name}'; {hint}")


def _closest(table: str, rule: Rule, thresholds: Mapping[str, Threshold]) -> Threshold | None:
    name = rule["meta"]["rule"]
    return thresholds.get(f"{table}.{name}", thresholds.get(name))


def _tuned(rule: Rule, threshold: Threshold | None, where: str) -> Rule:
    if threshold is None:
        return rule
    said = threshold.model_dump(exclude_none=True)
    kwargs, meta = dict(rule["kwargs"]), dict(rule["meta"])
    meta[OUTCOME] = said.get(OUTCOME, meta[OUTCOME])
    for name, key in BOUNDS.items():
        if name in said:
            _check_bound(rule, name, key, where)
            kwargs[key] = said[name]
    meta[OVERRIDE] = ", ".join(f"{name} {_was(rule, name)} → {value}" for name, value in said.items())
    return rule | {"kwargs": kwargs, "meta": meta}


def _check_bound(rule: Rule, name: str, key: str, where: str) -> None:
    fits = rule["type"].startswith(ROW_RULE_PREFIX) if name == "mostly" else key in rule["kwargs"]
    if not fits:
        raise ConfigError(f"{where}: '{name}': the rule '{rule['meta']['words']}' has no {name}; leave it out.")


def _was(rule: Rule, name: str) -> Any:
    return rule["meta"][OUTCOME] if name == OUTCOME else rule["kwargs"].get(BOUNDS[name], 1)
