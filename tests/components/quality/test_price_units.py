"""Prices in cents among prices in units, on lines whose unit prices are seen by eye."""

import ibis
import pytest

from components.data.engine import connect
from components.quality.price_units import PriceUnitsConfig, same_unit


def judged(lines, config=PriceUnitsConfig()):  # noqa: B008 - frozen
    """The verdict on lines (item, value, quantity) of purchases."""
    con = connect()
    con.raw_sql("CREATE TABLE bought (item_id VARCHAR, event_type VARCHAR, value DOUBLE, quantity DOUBLE)")
    for item, value, quantity in lines:
        con.con.execute("INSERT INTO bought VALUES (?, 'purchase', ?, ?)", [item, value, quantity])
    return same_unit(con.table("bought"), config)


MILK = [("milk", 1.0, 1.0), ("milk", 2.2, 2.0), ("milk", 1.2, None), ("milk", 3.0, 3.0), ("milk", 1.0, 1.0)]


def test_a_line_in_cents_is_counted_with_its_item_and_both_prices():
    found = judged([*MILK, ("milk", 240.0, 2.0), ("bread", 300.0, 1.0)])
    assert (found.follows, found.evaluated, found.unexpected) == ("warn", 6, 1)
    assert found.observed == "in 1 items, e.g. milk at 120.00 a unit, usually 1.05"


@pytest.mark.parametrize(
    "lines",
    [
        MILK,
        [*MILK, ("milk", 40.0, 1.0)],
        [*MILK, ("milk", 100.0, 100.0)],
        [*[("fuel", 20.0, 1000.0)] * 5, ("fuel", 21.0, 10.0)],
    ],
    ids=["alike", "dear, not in cents", "many of them", "volume in thousandths and in tenths"],
)
def test_true_prices_hold(lines):
    assert judged(lines).follows == "holds"


def test_few_lines_and_no_prices_are_told_as_not_judged():
    assert judged(MILK[:4]).follows == "nothing to judge"
    assert judged([*[("token", 0.01, 1.0)] * 5, ("token", 1.99, 1.0)]).follows == "nothing to judge"
    assert same_unit(ibis.table({"item_id": "string"}, "lines"), PriceUnitsConfig()).follows == "not given"


def test_params_may_make_it_a_reason_to_stop():
    assert judged([*MILK, ("milk", 120.0, 1.0)], PriceUnitsConfig(outcome="stop")).follows == "stop"
