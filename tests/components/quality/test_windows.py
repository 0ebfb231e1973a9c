from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import schema
from components.quality import drift_report
from components.quality.drift import DriftThresholds, drift
from components.quality.windows import BASKET_COLUMNS, LINE_COLUMNS, columns

SATURDAY_9 = datetime.fromisoformat("2017-12-02T09:00")


def line(item, basket, value, quantity=1.0, discount=0.0):
    row = dict.fromkeys(schema.INTERACTIONS, "x") | {schema.TIMESTAMP: SATURDAY_9, schema.COUPON_DISCOUNT: 0.0}
    return row | {"item_id": item, "session_id": basket, "value": value, "quantity": quantity, "discount": discount}


@pytest.fixture
def files(tmp_path):
    """A basket of milk and of something without a row in items, and a basket of free milk."""
    lines = [line("milk", "b1", 3.0, 2.0, 1.0), line("odd", "b1", 1.0), line("milk", "b2", 0.0, 0.0)]
    items = [dict.fromkeys(schema.ITEMS, "x") | {"item_id": "milk", "department": "DAIRY", "brand": "Private"}]
    pq.write_table(pa.Table.from_pylist(lines), tmp_path / "lines.parquet")
    pq.write_table(pa.Table.from_pylist(items), tmp_path / "items.parquet")
    return tmp_path / "lines.parquet", tmp_path / "items.parquet"


def test_lines_and_baskets_are_described(files):
    found = columns(*files, rows=10, seed=1)
    assert set(found) == {*LINE_COLUMNS, *BASKET_COLUMNS}
    assert sorted(found["unit_price"].tolist()) == [1.0, 1.5]  # the line without quantity has no price
    assert sorted(found["discount_share"].tolist()) == [0.0, 0.25]
    assert sorted(found["department"].tolist()) == ["DAIRY", "unknown"]
    assert set(found["weekday"]) == {"Saturday"}
    assert set(found["hour_utc"]) == {9}
    assert sorted(found["basket_lines"].tolist()) == [1, 2]
    assert sorted(found["basket_value"].tolist()) == [0.0, 4.0]


def test_no_more_rows_than_asked(files):
    assert {len(values) for values in columns(*files, rows=1, seed=1).values()} == {1}


def test_a_planted_shift_is_reported_and_nothing_else(tmp_path):
    rng = np.random.default_rng(0)
    before = {"unit_price": rng.lognormal(size=3000), "department": rng.choice(["DAIRY", "MEAT"], 3000)}
    after = {"unit_price": rng.lognormal(size=2000), "department": np.full(2000, "MEAT")}
    report = drift_report.summarise(drift(before, after, DriftThresholds()), "before", "after")
    drift_report.write(report, before, after, tmp_path / "drift")
    assert (report["drifted"], report["moved"]) == (["department"], [])
    assert sorted(f.name for f in (tmp_path / "drift").iterdir()) == [
        "department.png", "report.html", "report.json", "unit_price.png",
    ]  # fmt: skip
    assert drift_report.metrics(report)["drifted_columns"] == 1
    assert "Drifted: department" in (tmp_path / "drift" / "report.html").read_text()
