"""Units: declared factors by unit or category, and goods sold by volume.

Use it where one column mixes units: prices in cents for some stores, quantities in grams for some categories. A factor
multiplies the column where the column named by `by` has that word. Goods sold by volume (fuel) carry their quantity
in small parts: a quantity beyond the bound in a volume category counts as 1, for one filled tank is one purchase.
Cost: one pass, and a join with the items where `by` is one of their columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from components.core import schema
from components.core.config import Config
from components.data import engine
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, totals

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue

LINE_NUMBERS = (schema.VALUE, schema.QUANTITY, schema.DISCOUNT, schema.COUPON_DISCOUNT)
ITEM_NUMBERS = (schema.PRICE, schema.STOCK)
FACTOR, FACTOR_ITEM = "unit_factor", "unit_item"


class Conversion(Config):
    """Multiply `column` by the factor of the word in column `by`; words without a factor stay as they are."""

    column: str = Field(description=f"one of {', '.join(LINE_NUMBERS + ITEM_NUMBERS)}")
    by: str = Field(description="a text column of interactions or items; of items for price and stock")
    factors: dict[str, float] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _makes_sense(self) -> Conversion:
        allowed = schema.ITEMS if self.column in ITEM_NUMBERS else schema.INTERACTIONS + schema.ITEMS
        if self.column not in LINE_NUMBERS + ITEM_NUMBERS:
            raise ValueError(f"no number '{self.column}'; choose one of {', '.join(LINE_NUMBERS + ITEM_NUMBERS)}")
        if self.by not in allowed or schema.column_type(self.by) != "string":
            raise ValueError(f"'{self.by}' is no text column beside {self.column}")
        if not all(0 < factor <= 1e9 for factor in self.factors.values()):
            raise ValueError("every factor must lie above 0 and be at most 1e9")
        return self


class UnitsConfig(Config):
    """Which units there are."""

    conversions: tuple[Conversion, ...] = ()
    volume_categories: tuple[str, ...] = Field(
        (), description="the shop's categories with goods sold by volume, counted in small parts"
    )
    volume_quantity_above: float = Field(100, gt=0, description="beyond it a quantity in them is a volume, made 1")


class Units(Cleaner):
    """One unit per column."""

    Config = UnitsConfig
    version = 1
    default = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Interactions and items in the declared units."""
        current, effects = dict(tables), []
        for conversion in self.config.conversions:
            name, table, count = converted(current[schema.INTERACTIONS_TABLE], current[schema.ITEMS_TABLE], conversion)
            current[name] = table
            words = f"values of {conversion.column} multiplied by the factor of their {conversion.by}"
            effects.append(Effect(name, f"converted_{conversion.column}_by_{conversion.by}", count, words))
        interactions, volumes = self._volumes(current)
        words = f"quantities beyond {self.config.volume_quantity_above:g} in a volume category made 1"
        effects.append(Effect(schema.INTERACTIONS_TABLE, "volumes", volumes, words))
        current[schema.INTERACTIONS_TABLE] = interactions
        return Cleaned({name: t for name, t in current.items() if t is not tables[name]}, tuple(effects))

    def _volumes(self, tables: Mapping[str, Table]) -> tuple[Table, int]:
        interactions = tables[schema.INTERACTIONS_TABLE]
        if not self.config.volume_categories:
            return interactions, 0
        volume = sold_by_volume(interactions, tables[schema.ITEMS_TABLE], self.config)
        count = totals(interactions, {"volumes": volume.sum()})["volumes"]
        unit = volume.ifelse(1.0, interactions[schema.QUANTITY])
        return interactions.mutate(**{schema.QUANTITY: unit}), count


def sold_by_volume(interactions: Table, items: Table, config: UnitsConfig) -> BooleanValue:
    """True for lines whose quantity is a volume: a large quantity in a volume category."""
    by_volume = engine.held(items.filter(items[schema.CATEGORY].isin(config.volume_categories)).select(schema.ITEM_ID))
    large = interactions[schema.QUANTITY] > config.volume_quantity_above
    return large & interactions[schema.ITEM_ID].isin(by_volume[schema.ITEM_ID])


def converted(interactions: Table, items: Table, conversion: Conversion) -> tuple[str, Table, int]:
    """Name of the table that holds the column, that table in the new unit, and the number of values converted."""
    on_items = conversion.column in ITEM_NUMBERS
    name, table = (schema.ITEMS_TABLE, items) if on_items else (schema.INTERACTIONS_TABLE, interactions)
    columns = list(table.columns)
    if conversion.by not in columns:
        factored = _factored(items, conversion).rename({FACTOR_ITEM: schema.ITEM_ID})
        # One factor per item, should an item be listed twice.
        factors = factored.group_by(FACTOR_ITEM).agg(**{FACTOR: factored[FACTOR].max()})
        table = table.left_join(factors, table[schema.ITEM_ID] == factors[FACTOR_ITEM])
    else:
        table = _factored(table, conversion)
    touched = table[FACTOR].notnull() & table[conversion.column].notnull()
    count = totals(table, {"touched": touched.sum()})["touched"]
    scaled = table[conversion.column] * table[FACTOR].fill_null(1.0)
    return name, table.mutate(**{conversion.column: scaled}).select(*columns), count


def _factored(table: Table, conversion: Conversion) -> Table:
    """The table with the factor of its word, missing where the word has none."""
    import ibis

    cases = [(table[conversion.by] == word, float(factor)) for word, factor in conversion.factors.items()]
    return table.mutate(**{FACTOR: ibis.cases(*cases, else_=ibis.null("float64"))})
