"""Invoices as in UCI's Online Retail I and II: one line per product, CSV, Excel or parquet.

Their ways: an invoice number that starts with C is a cancellation, a negative quantity too; the price is for one unit;
a missing customer id is a guest (the invoice is the session); some lines are no goods (POSTAGE, bad debts with negative
prices), which the rules on ranges and the cleaning see to. Copies that went through spreadsheets write customer 17850
as "17850.0"; the ".0" is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data.landing import FileFormat, Limits
from components.data.mapped_source import MappedSource, Part, RawTable
from components.data.mapping.events import EventRule
from components.data.mapping.money import Currency
from components.data.mapping.numbers import NumberFormat
from components.data.mapping.table_mapping import TableMapping
from components.data.mapping.times import TimeFormat

if TYPE_CHECKING:
    from ibis import Table

INVOICES = "invoices"
CANCELLED = ("C", "c")
FORMS = (  # invoice, customer and price as the two editions spell them
    {"invoice": "InvoiceNo", "customer": "CustomerID", "price": "UnitPrice"},
    {"invoice": "Invoice", "customer": "Customer ID", "price": "Price"},
)


class OnlineRetailConfig(Config):
    """Where the invoices are.

    files   paths, folders or patterns
    format  how the files are written; Excel: sheet "*" takes both years of the second edition
    time    how InvoiceDate is written; the first edition's CSV has "%m/%d/%Y %H:%M"
    """

    files: tuple[str, ...] | str
    format: FileFormat = FileFormat()
    time: TimeFormat = TimeFormat(zone="Europe/London")
    numbers: NumberFormat = NumberFormat()
    currency: str = "GBP"
    limits: Limits = Limits()


class OnlineRetail(MappedSource):
    """Lines of invoices, with cancellations and guests."""

    Config = OnlineRetailConfig
    pseudonymous = True

    def __init__(self, config: OnlineRetailConfig | None = None):
        """As every source; clock and currency are options."""
        super().__init__(config)
        self.local_time_zone, self.currency = self.config.time.zone, self.config.currency

    def by_file(self) -> tuple[str, ...]:
        """The lines of invoices; an item or a user is made of many."""
        return (schema.INTERACTIONS_TABLE,)

    def raw_tables(self) -> dict[str, RawTable]:
        """One: the invoices."""
        files = self.config.files
        return {INVOICES: RawTable((files,) if isinstance(files, str) else files, self.config.format)}

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """Purchases and cancellations; items and users from what the lines repeat of them."""
        names = _form(raw[INVOICES])
        how = {
            "time": self.config.time,
            "numbers": self.config.numbers,
            "currency": Currency(code=self.config.currency),
        }
        lines = TableMapping(
            columns={
                schema.USER_ID: names["customer"],
                schema.ITEM_ID: "StockCode",
                schema.TIMESTAMP: "InvoiceDate",
                schema.VALUE: names["price"],
                schema.QUANTITY: "Quantity",
                schema.SESSION_ID: names["invoice"],
            },
            events=(
                EventRule(type="cancellation", column=names["invoice"], starts_with=CANCELLED),
                EventRule(type="purchase"),
            ),
            value_is="unit",
            **how,
        )
        items = {schema.ITEM_ID: "StockCode", schema.TITLE: "Description", schema.PRICE: names["price"]}
        users = TableMapping(columns={schema.USER_ID: names["customer"]}, attributes=("Country",))
        return [
            Part(INVOICES, schema.INTERACTIONS_TABLE, lines),
            Part(INVOICES, schema.ITEMS_TABLE, TableMapping(columns=items, **how), one_per_id=True),
            Part(INVOICES, schema.USERS_TABLE, users, one_per_id=True),
        ]


def _form(invoices: Table) -> dict[str, str]:
    for names in FORMS:
        if names["invoice"] in invoices.columns:
            lacking = [c for c in names.values() if c not in invoices.columns]
            if lacking:
                raise DataError(f"online_retail: column {', '.join(lacking)} is missing beside {names['invoice']}.")
            return names
    raise DataError(
        f"online_retail: neither InvoiceNo nor Invoice is a column; found {', '.join(invoices.columns)}. For other "
        "invoices use the source `tables` with a mapping."
    )
