"""A tiny Complete Journey, written out row by row, that the committed suites accept once small tables are allowed."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.data.pin import write_pin

PROJECT = Path(__file__).parents[2]
MONDAY = datetime(2017, 1, 2, 17)  # noqa: DTZ001 - the source's times are UTC without a zone; noon at the shop
LINES = 200
LINES_A_DAY = 5


def good_tables():
    """Raw tables as columns: 4 households buy 5 products, 5 lines a day; product 5 is fuel, sold by volume."""
    at = [MONDAY + timedelta(days=i // LINES_A_DAY) for i in range(LINES)]
    fuel = [i % 5 == 4 for i in range(LINES)]
    return {
        "transactions": {
            "household_id": [1 + i % 4 for i in range(LINES)],
            "store_id": [7] * LINES,
            "basket_id": [1000 + i for i in range(LINES)],
            "product_id": [1 + i % 5 for i in range(LINES)],
            "quantity": [9000 if is_fuel else 1 for is_fuel in fuel],
            "sales_value": [1.5] * LINES,
            "retail_disc": [0.25] * LINES,
            "coupon_disc": [0.5] * LINES,
            "coupon_match_disc": [0.25] * LINES,
            "week": [2 + i // LINES_A_DAY // 7 for i in range(LINES)],
            "transaction_timestamp": at,
        },
        "products": {
            "product_id": [1, 2, 3, 4, 5],
            "manufacturer_id": [10, 10, 11, 11, 12],
            "department": ["GROCERY", "GROCERY", "MEAT", "MISCELLANEOUS", "FUEL"],
            "brand": ["National", "Private", "National", "National", "National"],
            "product_category": ["YOGURT", "ICE CREAM/MILK/SHERBTS", "BEEF", "BEEF", "FUEL"],
            "product_type": ["YOGURT NOT MULTI-PACKS", "PREMIUM", "CHOICE BEEF (GRASS FED, AG", None, "GASOLINE"],
            "package_size": ["6 OZ", "56 OZ", "1 LB", "1 LB", None],
        },
        "demographics": {
            "household_id": [1, 2],
            "age": ["65+", "19-24"],
            "income": ["35-49K", "250K+"],
            "home_ownership": ["Homeowner", None],
            "marital_status": ["Married", "Unmarried"],
            "household_size": ["2", "1"],
            "household_comp": ["2 Adults No Kids", "1 Adult No Kids"],
            "kids_count": ["0", "0"],
        },
        "promotions": {
            "product_id": [1, 1, 1, 2],
            "store_id": [7, 7, 8, 7],
            "display_location": ["9", "0", "0", "0"],
            "mailer_location": ["0", "A", "A", "D"],
            "week": [2, 2, 2, 3],
        },
    }


def write_project(root, tables):
    """A project folder with these raw tables, pinned, and the committed suites with small tables allowed."""
    data = root / layout.DATA
    data.mkdir(parents=True, exist_ok=True)
    for name, columns in tables.items():
        arrays = {key: pa.array(values, _type(key)) for key, values in columns.items()}
        pq.write_table(pa.table(arrays), data / f"{name}.parquet")
    write_pin(data, root / layout.DATA_PIN)
    (root / layout.EXPECTATIONS).mkdir(exist_ok=True)
    for file in (PROJECT / layout.EXPECTATIONS).glob("*.json"):
        (root / layout.EXPECTATIONS / file.name).write_text(json.dumps(allowing_small(json.loads(file.read_text()))))


def allowing_small(suite):
    """The suite with a least row count of 1; every other rule as committed."""
    for expectation in suite["expectations"]:
        if expectation["meta"]["rule"] == "row_count":
            expectation["kwargs"]["min_value"] = 1
    return suite


def _type(column):
    if column in ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"):
        return pa.float64()
    if column == "transaction_timestamp":
        return pa.timestamp("us")
    if column.endswith("_id") or column in ("quantity", "week"):
        return pa.int64()
    return pa.string()


@pytest.fixture
def tables():
    """Good raw tables, free to be spoilt."""
    return good_tables()


@pytest.fixture(scope="session")
def write():
    """The function that writes a project with given raw tables, good ones where none are given."""
    return lambda root, tables=None: write_project(root, tables or good_tables())
