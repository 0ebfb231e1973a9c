"""Price units: whether some lines tell their price in cents where the other lines of the item tell it in units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from components.core import schema
from components.core.config import Config
from components.quality.verdict import NOT_GIVEN, NOTHING, Verdict

if TYPE_CHECKING:
    from ibis import Table

# Goods sold by volume have a quantity in thousandths on some lines and in units on others: their unit price jumps, the
# money paid does not. Cents among units move the money too, so a line must also cost this many times the usual line.
# Prices are before discounts: an item given away for 0.01 on most days is not in another unit on the others.
LEAST_PRICE_RATIO = 10
# The smallest coin: a usual unit price of no more is a token, or that of a thousandth of a measure, and not judged.
COIN = 0.01
EXAMPLES = 3
FULL, UNIT, USUAL, USUAL_FULL, LINES = "full_price", "unit_price", "usual_unit_price", "usual_price", "priced_lines"


class PriceUnitsConfig(Config):
    """Section `validate.price_units` of params.yaml: a line's unit price as a multiple of its item's median."""

    min_ratio: float = Field(50.0, gt=1, le=10_000)
    max_ratio: float = Field(200.0, gt=1, le=1_000_000)
    min_lines: int = Field(5, ge=3, le=1_000_000, description="priced lines of an item; one with fewer is not judged")
    outcome: Literal["warn", "stop"] = "warn"

    @model_validator(mode="after")
    def _is_a_range(self) -> PriceUnitsConfig:
        if self.min_ratio >= self.max_ratio:
            raise ValueError("min_ratio must be less than max_ratio")
        return self


def same_unit(interactions: Table, config: PriceUnitsConfig) -> Verdict:
    """Whether the lines of each item tell their price in one unit; no row is changed or set aside.

    interactions  canonical rows; ratings and lines without a price above 0 are not looked at
    """
    low, high = config.min_ratio, config.max_ratio
    named = (
        schema.INTERACTIONS_TABLE,
        "prices_in_one_unit",
        config.outcome,
        f"no line's unit price is {low:g} to {high:g} times the median of its item",
        "prices in cents among prices in units; what is learnt of money would be wrong",
    )
    if schema.VALUE not in interactions.columns:
        return Verdict(*named, holds=True, unjudged=NOT_GIVEN)
    judged = _with_usual(_priced(interactions), config.min_lines)
    is_odd = judged[UNIT].between(low * judged[USUAL], high * judged[USUAL])
    is_odd &= judged[FULL] >= LEAST_PRICE_RATIO * judged[USUAL_FULL]
    counted = judged.agg(looked=judged.count(), odd=judged.count(where=is_odd)).to_pyarrow().to_pylist()[0]
    looked, odd = int(counted["looked"]), int(counted["odd"])
    if not looked:
        few = f"no item has {config.min_lines} priced lines"
        return Verdict(*named, holds=True, evaluated=0, observed=few, unjudged=NOTHING)
    observed = _told(judged.filter(is_odd)) if odd else ""
    return Verdict(*named, holds=not odd, evaluated=looked, unexpected=odd, observed=observed)


def _priced(table: Table) -> Table:
    """Item, price before discounts and unit price of the lines that have one; no quantity is one unit."""
    import ibis

    quantity = table[schema.QUANTITY].fill_null(1.0) if schema.QUANTITY in table.columns else ibis.literal(1.0)
    full = table[schema.VALUE]
    for name in (schema.DISCOUNT, schema.COUPON_DISCOUNT):
        if name in table.columns:
            full = full + table[name].fill_null(0.0)
    is_priced = (table[schema.VALUE] > 0) & (quantity > 0) & (table[schema.EVENT_TYPE] != schema.RATING)
    bought = table.filter(table[schema.ITEM_ID].notnull(), is_priced)
    return bought.select(schema.ITEM_ID, **{FULL: full, UNIT: full / quantity})


def _with_usual(priced: Table, min_lines: int) -> Table:
    """The lines of the items that have enough of them, with the medians of their item."""
    medians = {USUAL: priced[UNIT].median(), USUAL_FULL: priced[FULL].median()}
    usual = priced.group_by(schema.ITEM_ID).agg(**{LINES: priced.count()}, **medians)
    return priced.inner_join(usual.filter(usual[LINES] >= min_lines, usual[USUAL] > COIN), schema.ITEM_ID)


def _told(odd: Table) -> str:
    """How many items have such lines, and the first of them."""
    items = int(odd[schema.ITEM_ID].nunique().execute())
    rows = odd.select(schema.ITEM_ID, UNIT, USUAL).distinct().order_by(schema.ITEM_ID, UNIT).limit(EXAMPLES)
    examples = "; ".join(
        f"{row[schema.ITEM_ID]} at {row[UNIT]:,.2f} a unit, usually {row[USUAL]:,.2f}"
        for row in rows.to_pyarrow().to_pylist()
    )
    return f"in {items:,} items, e.g. {examples}"
