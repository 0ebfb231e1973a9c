"""Money: units (cents → euros) by declared factors, currencies by declared rates, lines from units and quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from components.core import schema
from components.core.config import Config
from components.data.mapping import changes
from components.data.mapping.changes import change
from components.data.mapping.events import RAW
from components.data.mapping.reading import first_problem, problem, text, value, words

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import Value

AMOUNTS = (schema.VALUE, schema.DISCOUNT, schema.COUPON_DISCOUNT, schema.PRICE)
CURRENCY = "currency"


class Currency(Config):
    """What money is counted in.

    code    the shop's currency, e.g. EUR
    column  names the currency of each row; None: all rows are in the shop's
    rates   shop's currency for one unit of each; a row in another currency is a problem, not a guess
    """

    code: str = Field("", max_length=8)
    column: str | None = None
    rates: dict[str, float] = Field(default_factory=dict, max_length=400)

    @field_validator("rates")
    @classmethod
    def _positive(cls, rates: dict[str, float]) -> dict[str, float]:
        if not all(0 < rate < 1e9 for rate in rates.values()):
            raise ValueError("a rate must be positive and finite")
        return rates


def converted(t: Table, currency: Currency, factors: dict[str, float], *, per_unit: bool) -> dict[str, Value]:
    """Amounts in the shop's currency and units.

    factors   by canonical column, e.g. {"price": 0.01} where prices are written in cents
    per_unit  whether `value` stands for one unit, to be multiplied by the quantity
    """
    import ibis

    amounts = {c: t[value(c)] for c in (*AMOUNTS, *factors) if value(c) in t.columns}
    given = {c: amount.notnull() for c, amount in amounts.items()}
    fresh: dict[str, Value] = {change(changes.UNIT, c): given[c] for c in amounts if factors.get(c, 1.0) != 1.0}
    amounts = {c: amount * factors.get(c, 1.0) for c, amount in amounts.items()}
    if per_unit and schema.VALUE in amounts and value(schema.QUANTITY) in t.columns:
        quantity = t[value(schema.QUANTITY)].fill_null(1)  # as clean has it: one, where none is told
        amounts[schema.VALUE] *= quantity
        fresh[change(changes.PER_UNIT, schema.VALUE)] = given[schema.VALUE] & (quantity != 1)
    if currency.column is not None:
        code = text(t[RAW + currency.column], ()).strip().upper()
        rates = {currency.code.upper(): 1.0} | {key.upper(): rate for key, rate in currency.rates.items()}
        rate = code.cases(*rates.items(), else_=ibis.null("float64"))
        money = [given[c] for c in amounts if c in AMOUNTS]
        moved = (rate.notnull() & (code != currency.code.upper())).fill_null(False)
        fresh[change(changes.CURRENCY, CURRENCY)] = ibis.or_(*money) & moved
        amounts = {c: amount * rate if c in AMOUNTS else amount for c, amount in amounts.items()}
        fresh[problem(CURRENCY)] = first_problem((rate.isnull(), words(CURRENCY, code.fill_null(""), "has no rate")))
    return fresh | {value(c): amount for c, amount in amounts.items()}
