"""Outliers: numbers far outside what their group shows are reported, clipped, made missing, or their rows dropped.

Use it where mistyped prices and quantities would rule every mean. A fence is either the median plus and minus `limit`
robust standard deviations (1.4826 × the median absolute deviation), or two quantiles. Fences are of one event type and
one word of `by` (a category: 50 is dear for milk and cheap for wine), of the whole event type where the group has fewer
than `min_rows` values, and none where more than half of the values are equal. They are taken from the reference window
only, so that no test window moves them.
Cost: two sorts of the column in the reference window per rule, one for quantiles.
Source: Iglewicz & Hoaglin 1993, "How to Detect and Handle Outliers" (who propose a limit of 3.5 for normal data; money
is not normal, so the default is wider).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from components.core import schema
from components.core.config import Config
from components.data import groups
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, totals
from components.data.groups import GROUP, KIND
from components.data.statistics import ROWS, medians, quantiles

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue

NUMBERS = {
    schema.INTERACTIONS_TABLE: (schema.VALUE, schema.QUANTITY, schema.DISCOUNT, schema.COUPON_DISCOUNT),
    schema.ITEMS_TABLE: (schema.PRICE, schema.STOCK),
}
LOW, HIGH, CENTRE, DEVIATION = "fence_low", "fence_high", "fence_centre", "fence_deviation"
NORMAL = 1.4826  # median absolute deviation of a normal distribution, in standard deviations, inverted
DONE = {
    "report": "left as they are",
    "clip": "moved to the fence",
    "missing": "made missing",
    "drop": "dropped with their rows",
}


class OutlierRule(Config):
    """One column, its fences, and what follows."""

    table: Literal["interactions", "items"] = "interactions"
    column: str
    by: str | None = Field(None, description="a text column; for interactions also one of items, e.g. category")
    method: Literal["robust_z", "quantile"] = "robust_z"
    limit: float = Field(10.0, ge=2, le=1000, description="robust standard deviations from the median")
    low: float = Field(0.001, gt=0, lt=0.5, description="share below the lower fence, method quantile")
    high: float = Field(0.999, gt=0.5, lt=1, description="share up to the upper fence, method quantile")
    min_rows: int = Field(30, ge=4, description="values a group must have in the reference window for its own fences")
    action: Literal["report", "clip", "missing", "drop"] = "clip"

    @model_validator(mode="after")
    def _has_numbers(self) -> OutlierRule:
        if self.column not in NUMBERS[self.table]:
            raise ValueError(f"no number '{self.column}' in {self.table}; one of {', '.join(NUMBERS[self.table])}")
        return self


class OutliersConfig(Config):
    """Rules, applied one after the other."""

    rules: tuple[OutlierRule, ...] = Field((), max_length=50)


class Outliers(Cleaner):
    """Numbers within the fences of their group."""

    Config = OutliersConfig
    version = 1

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """The tables with what the rules say done to outliers."""
        current, effects = dict(tables), []
        for number, rule in enumerate(self.config.rules):
            groups.check_by(rule.table, rule.by, f"params.yaml: clean.cleaners.outliers.rules.{number}")
            fenced = work.stored(f"fenced_{number}", rule.table, self._fenced(current, rule, work))
            outside = outside_fence(fenced, rule.column)
            unfenced = fenced[LOW].isnull() & fenced[rule.column].notnull()
            counts = totals(fenced, {"outside": outside.sum(), "unfenced": unfenced.sum()})
            current[rule.table] = treated(fenced, rule, outside).select(*current[rule.table].columns)
            effects += [
                Effect(rule.table, f"outliers_{rule.column}", counts["outside"],
                       f"outliers of {rule.column}{f' by {rule.by}' if rule.by else ''} {DONE[rule.action]}"),
                Effect(rule.table, f"unfenced_{rule.column}", counts["unfenced"],
                       f"values of {rule.column} without a fence: their group shows too little or no spread"),
            ]  # fmt: skip
        changed = {rule.table for rule in self.config.rules if rule.action != "report"}
        return Cleaned({name: current[name] for name in changed}, tuple(effects))

    def _fenced(self, tables: Mapping[str, Table], rule: OutlierRule, work: Work) -> Table:
        table = groups.grouped(tables, rule.table, rule.by)
        teaching = work.stored(
            f"teaching_{rule.column}", rule.table,
            groups.taught(table, tables, rule.table, work).select(KIND, GROUP, rule.column),
        )  # fmt: skip
        narrow = fences(teaching, [KIND, GROUP], rule)
        narrow = narrow.filter(narrow[ROWS] >= rule.min_rows)
        return groups.with_statistics(table, narrow, fences(teaching, [KIND], rule), (LOW, HIGH))


def fences(values: Table, by: list[str], rule: OutlierRule) -> Table:
    """LOW, HIGH and ROWS of each group that has some spread."""
    if rule.method == "quantile":
        found = quantiles(values, by, rule.column, {LOW: rule.low, HIGH: rule.high})
        return found.filter(found[LOW] < found[HIGH])
    centre = medians(values, by, rule.column, CENTRE)
    joined = values.inner_join(centre, by)
    away = joined.mutate(**{DEVIATION: (joined[rule.column] - joined[CENTRE]).abs()})
    spread = medians(away.select(*by, DEVIATION), by, DEVIATION, DEVIATION).drop(ROWS)
    both = centre.inner_join(spread, by)
    both = both.filter(both[DEVIATION] > 0)
    reach = both[DEVIATION] * (NORMAL * rule.limit)
    return both.mutate(**{LOW: both[CENTRE] - reach, HIGH: both[CENTRE] + reach}).select(*by, LOW, HIGH, ROWS)


def outside_fence(fenced: Table, column: str) -> BooleanValue:
    """True where a value lies beyond its fence; false where either is missing."""
    return ((fenced[column] < fenced[LOW]) | (fenced[column] > fenced[HIGH])).fill_null(False)


def treated(fenced: Table, rule: OutlierRule, outside: BooleanValue) -> Table:
    """The table with outliers clipped, missing or gone."""
    import ibis

    value = fenced[rule.column]
    if rule.action == "drop":
        return fenced.filter(~outside)
    if rule.action == "missing":
        return fenced.mutate(**{rule.column: ibis.cases((outside, ibis.null("float64")), else_=value)})
    if rule.action == "clip":
        nearest = ibis.cases((value < fenced[LOW], fenced[LOW]), (value > fenced[HIGH], fenced[HIGH]), else_=value)
        return fenced.mutate(**{rule.column: nearest})
    return fenced
