"""Event rules: which values of which column mean view, click, cart, purchase, rating or cancellation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from components.core import schema
from components.core.config import Config
from components.data.mapping.changes import CANCELLATION, SIGN, change
from components.data.mapping.reading import Stage, first_problem, problem, text, value, words

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue, StringValue, Value

EventType = Literal["view", "click", "cart", "purchase", "rating", "cancellation"]
RAW = "raw:"  # prefix of the shop's own columns while they are mapped


class EventRule(Config):
    """One rule; the first that fits a row names its event. Without a column it fits every row.

    equals       the column is one of these texts
    starts_with  the column starts with one of these
    """

    type: EventType
    column: str | None = None
    equals: tuple[str, ...] = Field((), max_length=1000)
    starts_with: tuple[str, ...] = Field((), max_length=1000)

    @model_validator(mode="after")
    def _can_fit(self) -> EventRule:
        if (self.column is None) != (not self.equals and not self.starts_with):
            raise ValueError("give a column with equals or starts_with, or neither for all rows that are left")
        return self


def read_events(rules: tuple[EventRule, ...]) -> list[Stage]:
    """The event type of every row; a row that no rule fits has none, and a problem."""
    import ibis

    def named(t: Table) -> dict[str, Value]:
        found: StringValue = ibis.null("string")
        for rule in reversed(rules):
            found = _fits(t, rule).ifelse(ibis.literal(rule.type), found)
        columns = list(dict.fromkeys(rule.column for rule in rules if rule.column))
        stood = ibis.literal(", ").join([text(t[RAW + c]).fill_null("") for c in columns]) if columns else None
        unnamed = ibis.null("string") if stood is None else words(schema.EVENT_TYPE, stood, "fits no event rule")
        return {value(schema.EVENT_TYPE): found, problem(schema.EVENT_TYPE): first_problem((found.isnull(), unnamed))}

    return [named]


def undone(t: Table) -> dict[str, Value]:
    """Purchases of a negative quantity as cancellations; quantity and value of a cancellation are positive."""
    kind, columns = value(schema.EVENT_TYPE), t.columns
    event, marks = t[kind], {}
    if value(schema.QUANTITY) in columns:
        negative = (t[value(schema.QUANTITY)] < 0) & (event == schema.PURCHASE)
        marks[change(CANCELLATION, schema.EVENT_TYPE)] = negative.fill_null(False)
        event = negative.fill_null(False).ifelse(schema.CANCELLATION, event)
    cancels = (event == schema.CANCELLATION).fill_null(False)
    amounts = [value(c) for c in (schema.QUANTITY, schema.VALUE) if value(c) in columns]
    marks |= {change(SIGN, c): cancels & (t[c] < 0).fill_null(False) for c in amounts}
    return {kind: event} | {c: cancels.ifelse(t[c].abs(), t[c]) for c in amounts} | marks


def _fits(t: Table, rule: EventRule) -> BooleanValue:
    import ibis

    if rule.column is None:
        return ibis.literal(True)
    stood = text(t[RAW + rule.column], ())
    fits = stood.isin(rule.equals) if rule.equals else ibis.literal(False)
    for start in rule.starts_with:
        fits |= stood.startswith(start)
    return fits.fill_null(False)
