"""Missing values: rows dropped, or gaps filled by a declared rule, with an indicator where the gap itself tells.

Methods: `drop` the row; a `constant`; the `median` or `mode` of the row's group (of all rows where the group has none);
`forward_fill`, the last known value of the same item (or of `by`) before it in time; `learned`, a linear model of the
item's or user's other columns (components/data/imputer.py), used only where it beats the median or mode on rows it did
not see. Medians, modes and models come from the reference window only; a forward fill looks back, never ahead. What no
rule names stays missing, which the trees of the ranker can use.
Cost: a constant is free, a median sorts the reference window, a forward fill sorts all of it, a model takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from components.core import schema
from components.core.config import Config
from components.data import groups, imputer
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, totals
from components.data.groups import GROUP, KIND
from components.data.statistics import medians, modes

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import Value

FILL, RUN = "fill_value", "fill_run"
INDICATOR = "_missing"
KEYS = {schema.ITEMS_TABLE: schema.ITEM_ID, schema.USERS_TABLE: schema.USER_ID}
FIXED = (schema.USER_ID, schema.ITEM_ID, schema.EVENT_TYPE, schema.TIMESTAMP)  # a made-up one would be a made-up event


class MissingRule(Config):
    """One column and what is done about its gaps."""

    table: Literal["interactions", "items", "users"] = "items"
    column: str
    method: Literal["drop", "constant", "median", "mode", "forward_fill", "learned"]
    by: str | None = Field(None, description="text column that forms groups, for median, mode and forward_fill")
    value: float | str | None = Field(None, description="of method constant")
    learn_from: tuple[str, ...] = Field((), max_length=20, description="columns of the same table, for learned")
    indicator: bool = Field(
        False,
        description="adds <column>_missing to the clean table: where the gaps were; no feature reads it",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> MissingRule:
        known, number = schema.COLUMNS[self.table], schema.column_type(self.column) == "float64"
        grouped = ("median", "mode", "forward_fill")
        problems = {
            f"no column '{self.column}' in {self.table}": self.column not in known,
            f"{self.column} cannot be filled, only dropped": self.column in FIXED and self.method != "drop",
            "median needs a number": self.method == "median" and not number,
            f"constant for {self.column} needs value: a {'number' if number else 'text'}": self.method == "constant"
            and not isinstance(self.value, (int, float) if number else str),
            "forward_fill needs times, so table: interactions": self.method == "forward_fill"
            and self.table != schema.INTERACTIONS_TABLE,
            "learned works on items and users; use median, mode or forward_fill": self.method == "learned"
            and self.table == schema.INTERACTIONS_TABLE,
            f"learned needs learn_from: other columns of {self.table}": self.method == "learned"
            and (not self.learn_from or not set(self.learn_from) <= set(known) - {self.column}),
            f"method {self.method} takes no `by`": self.by is not None and self.method not in grouped,
            f"method {self.method} takes no `value`": self.value is not None and self.method != "constant",
            f"method {self.method} takes no `learn_from`": bool(self.learn_from) and self.method != "learned",
            "method drop leaves no gap for an `indicator`": self.indicator and self.method == "drop",
        }
        for words, broken in problems.items():
            if broken:
                raise ValueError(words)
        return self


class MissingConfig(Config):
    """Rules, applied one after the other."""

    rules: tuple[MissingRule, ...] = Field((), max_length=50)


class Missing(Cleaner):
    """No gap that a rule speaks of."""

    Config = MissingConfig
    version = 1

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """The tables with their gaps filled or dropped."""
        current, effects, notes = dict(tables), [], []
        for number, rule in enumerate(self.config.rules):
            if rule.table not in current:
                continue
            groups.check_by(rule.table, rule.by, f"params.yaml: clean.cleaners.missing.rules.{number}")
            before = current[rule.table]
            filled, note = self._filled(current, rule, work)
            current[rule.table] = work.stored(f"filled_{number}", rule.table, filled)
            effects += _effects(rule, before, current[rule.table])
            notes += note
        changed = {rule.table for rule in self.config.rules if rule.table in tables}
        return Cleaned({name: current[name] for name in changed}, tuple(effects), notes=tuple(notes))

    def _filled(self, tables: Mapping[str, Table], rule: MissingRule, work: Work) -> tuple[Table, list[str]]:
        table = tables[rule.table]
        gap = is_missing(table, rule.column)
        if rule.method == "drop":
            return table.filter(~gap), []
        if rule.indicator:
            table = table.mutate(**{f"{rule.column}{INDICATOR}": gap})
            tables = {**tables, rule.table: table}
        if rule.method == "learned":
            known = groups.taught(table, tables, rule.table, work)
            folder = work.folder / f"{rule.table}.{rule.column}"
            return imputer.impute(table, known, KEYS[rule.table], rule.column, rule.learn_from, folder)
        values, fill = _source(tables, rule, work)
        value = filled_by(values, rule.column, fill(values))
        return values.mutate(**{rule.column: value}).select(*table.columns), []


def _source(tables: Mapping[str, Table], rule: MissingRule, work: Work):
    """A table that holds what the gaps are filled with, and where to find it there."""
    import ibis

    if rule.method == "constant":
        return tables[rule.table], lambda _: ibis.literal(rule.value)
    if rule.method == "forward_fill":
        return carried(tables[rule.table], rule.column, rule.by or schema.ITEM_ID), lambda t: t[FILL]
    table = groups.grouped(tables, rule.table, rule.by)
    statistic = medians if rule.method == "median" else modes
    teaching = groups.taught(table, tables, rule.table, work)
    narrow = statistic(teaching, [KIND, GROUP], rule.column, FILL)
    wide = statistic(teaching, [KIND], rule.column, FILL)
    return groups.with_statistics(table, narrow, wide, (FILL,)), lambda t: t[FILL]


def carried(interactions: Table, column: str, by: str) -> Table:
    """The interactions with the last known value of a column among those of the same `by`, up to each row in time."""
    import ibis

    order = [schema.TIMESTAMP, *(c for c in interactions.columns if c != schema.TIMESTAMP)]
    so_far = ibis.window(group_by=by, order_by=order, preceding=None, following=0)
    # Every known value begins a run; within a run there is one known value, the first.
    runs = interactions.mutate(**{RUN: interactions[column].count().over(so_far)})
    return runs.mutate(**{FILL: runs[column].max().over(ibis.window(group_by=[by, RUN]))}).drop(RUN)


def is_missing(table: Table, column: str) -> Value:
    """True where a value is missing, or a text blank."""
    value = table[column]
    return value.strip().nullif("").isnull() if value.type().is_string() else value.isnull()


def filled_by(table: Table, column: str, value: Value) -> Value:
    """The column with `value` in its gaps."""
    import ibis

    kind = table[column].type()
    return ibis.cases((is_missing(table, column), value.cast(kind)), else_=table[column])


def _effects(rule: MissingRule, before: Table, after: Table) -> list[Effect]:
    gaps = totals(before, {"n": is_missing(before, rule.column).sum()})["n"]
    if rule.method == "drop":
        return [Effect(rule.table, f"missing_{rule.column}_dropped", gaps, f"rows dropped: no {rule.column}")]
    left = totals(after, {"n": is_missing(after, rule.column).sum()})["n"]
    words = f"gaps of {rule.column} filled: {rule.method}{f' by {rule.by}' if rule.by else ''}"
    return [
        Effect(rule.table, f"missing_{rule.column}_filled", gaps - left, words),
        Effect(
            rule.table, f"missing_{rule.column}_left", left, f"gaps of {rule.column} left: nothing to fill them with"
        ),
    ]
