from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import schema
from components.quality import drift_report
from components.quality.drift import DriftThresholds, drift
from components.quality.windows import BASKET_COLUMNS, KNOWN, LINE_COLUMNS, NEW, NOVELTY, TITLE, TITLES, compared

SATURDAY_9 = datetime.fromisoformat("2017-12-02T09:00")


def line(item, basket, value, quantity=1.0, discount=0.0, at=SATURDAY_9):
    row = dict.fromkeys(schema.INTERACTIONS, "x") | {schema.TIMESTAMP: at, schema.COUPON_DISCOUNT: 0.0}
    return row | {"item_id": item, "session_id": basket, "value": value, "quantity": quantity, "discount": discount}


def write(folder, name, rows):
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


@pytest.fixture
def files(tmp_path):
    """Twice a basket of milk and of something without a row in items, and a basket of free milk."""
    lines = [line("milk", "b1", 3.0, 2.0, 1.0), line("odd", "b1", 1.0), line("milk", "b2", 0.0, 0.0)]
    items = [dict.fromkeys(schema.ITEMS, "x") | {"item_id": "milk", "department": "DAIRY", "brand": "Private"}]
    return write(tmp_path, "history", lines), write(tmp_path, "newest", lines), write(tmp_path, "items", items)


def test_lines_and_baskets_are_described(files):
    _, found = compared(*files, rows=10, seed=1)
    assert set(found) == {*LINE_COLUMNS, *BASKET_COLUMNS, NOVELTY, TITLES} - {TITLE}
    assert sorted(found["unit_price"].tolist()) == [1.0, 1.5]  # the line without quantity has no price
    assert sorted(found["discount_share"].tolist()) == [0.0, 0.25]
    assert sorted(found["department"].tolist()) == ["DAIRY", "unknown"]
    assert set(found["weekday"]) == {"Saturday"}
    assert set(found["hour"]) == {9}
    assert sorted(found["basket_lines"].tolist()) == [1, 2]
    assert sorted(found["basket_value"].tolist()) == [0.0, 4.0]


def test_no_more_rows_than_asked(files):
    for found in compared(*files, rows=1, seed=1):
        assert {len(values) for values in found.values()} == {1}


def test_a_change_of_the_clocks_is_no_drift(files, tmp_path):
    """Customers who come at nine in summer and in winter, told in UTC."""
    summer, winter = datetime.fromisoformat("2017-07-01T13:00"), datetime.fromisoformat("2017-12-02T14:00")
    history = write(tmp_path, "summer", [line("milk", "b", 1.0, at=summer)])
    newest = write(tmp_path, "winter", [line("milk", "b", 1.0, at=winter)])
    told = compared(history, newest, files[2], rows=10, seed=1, time_zone="America/New_York")
    assert [(c["hour"].tolist(), c["weekday"].tolist()) for c in told] == [([9], ["Saturday"])] * 2


def test_the_night_belongs_to_the_day_at_the_shop(files, tmp_path):
    night = write(tmp_path, "night", [line("milk", "b", 1.0, at=datetime.fromisoformat("2017-12-03T01:00"))])
    _, told = compared(night, night, files[2], rows=10, seed=1, time_zone="America/New_York")
    assert (told["hour"].tolist(), told["weekday"].tolist()) == ([20], ["Saturday"])


def test_new_items_are_those_never_sold_before_their_window(files, tmp_path):
    def sold(item, day):
        return line(item, f"{day}", 1.0, at=SATURDAY_9 + timedelta(days=day))

    history = write(tmp_path, "old", [sold("milk", 0), sold("tea", 0), sold("milk", 9), sold("corn", 9)])
    newest = write(tmp_path, "new", [sold("milk", 10), sold("corn", 11), sold("soap", 11), sold("tea", 12)])
    before, after = (sorted(found[NOVELTY].tolist()) for found in compared(history, newest, files[2], 10, 1))
    assert before == [KNOWN, NEW], "milk and corn of the last two days"
    assert after == [KNOWN, KNOWN, KNOWN, NEW], "soap alone"


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
