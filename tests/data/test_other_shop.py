"""A click shop with guests, queries and a log of answers: every shared suite is run, and faults in each are found."""

import csv
import json
import random
from datetime import datetime, timedelta

import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core.errors import DataError
from tests.data.hostile.shop import validated

pytestmark = pytest.mark.slow
FIRST = datetime(2024, 3, 1, 12)  # noqa: DTZ001 - written as UTC
EVENTS = [{"type": kind, "column": "event_type", "equals": [kind]} for kind in ("view", "click", "purchase")]


def clicks(n=300):
    """Half the visitors are guests; one line in three is a purchase, and only those have a value."""
    draw = random.Random(0)
    kinds = [draw.choice(["view", "click", "purchase"]) for _ in range(n)]
    return [
        {
            "user_id": f"u{i % 7}" if i % 2 else "", "item_id": f"i{i % 10}", "event_type": kind,
            "timestamp": f"{FIRST + timedelta(hours=i):%Y-%m-%d %H:%M:%S}", "session_id": f"s{i // 3}",
            "value": "2.50" if kind == "purchase" else "",
        }
        for i, kind in enumerate(kinds)
    ]  # fmt: skip


def shop():
    at = f"{FIRST:%Y-%m-%d %H:%M:%S}"
    return {
        "interactions": clicks(),
        "items": [{"item_id": f"i{i}", "title": f"Tea {i}", "price": f"{i}.99" if i else ""} for i in range(10)],
        "users": [{"user_id": f"u{i}", "age": "30-39"} for i in range(7)],
        "queries": [
            {"query_id": "q1", "text": "绿茶 =SUM(A1)", "item_id": f"i{i}", "relevance": str(i % 4)} for i in range(4)
        ],
        "exposures": [
            {"request_id": f"r{i // 2}", "user_id": f"u{i % 7}" if i % 3 else "", "item_id": f"i{i % 10}",
             "position": str(1 + i % 2), "propensity": "0.5", "timestamp": at}
            for i in range(100)
        ],
    }  # fmt: skip


def judged(root, tables, **config):
    """Write the tables as CSV, run the validate step, and return the report and the outcomes by table and rule."""
    params = {"time": {"format": "%Y-%m-%d %H:%M:%S", "zone": "UTC"}}
    for name, rows in tables.items():
        with (root / f"{name}.csv").open("w", encoding="utf-8", newline="") as f:
            writer = csv.DictWriter(f, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        columns = {column: column for column in rows[0] if column != "event_type"}
        params[name] = {"files": str(root / f"{name}.csv"), "columns": columns}
    params["interactions"]["events"] = EVENTS
    try:
        validated(root, params, **config)
    finally:
        report = json.loads((root / layout.QUALITY / "report.json").read_text())
        outcomes = {(r["table"], r["rule"]): r["outcome"] for r in report["rules"]}
    return report, outcomes


def test_a_clean_shop_of_another_kind_raises_no_alarm(tmp_path):
    report, outcomes = judged(tmp_path, shop())
    alarms = {rule: outcome for rule, outcome in outcomes.items() if outcome in ("warn", "quarantine", "stop")}
    assert not alarms
    assert {table for table, _ in outcomes} >= {"interactions", "items", "users", "queries", "exposures"}
    assert outcomes["exposures", "user_listed"] == "holds"
    assert outcomes["interactions", "discount_in_range"] == "not given"
    assert set(report["events_by_type"]) == {"view", "click", "purchase"}


FAULTS = {
    "nobody": ("interactions", {"user_id": "", "session_id": ""}, "user_id_present"),
    "a purchase of nothing known": ("interactions", {"event_type": "purchase", "value": ""}, "value_present"),
    "not a time": ("interactions", {"timestamp": "31 February"}, "readable"),
    "an item of no number": ("items", {"price": "-1"}, "price_in_range"),
    "a judgment beyond the scale": ("queries", {"relevance": "101"}, "relevance_in_range"),
    "shown without a chance": ("exposures", {"propensity": "0"}, "propensity_in_range"),
    "shown at place 0": ("exposures", {"position": "0"}, "position_in_range"),
    "nobody's answers": ("users", {"user_id": ""}, "user_id_present"),
}


def test_a_fault_in_each_table_sets_its_row_aside_under_its_rule(tmp_path):
    tables = shop()
    last = dict.fromkeys(tables, 0)
    for name, changed, _ in FAULTS.values():
        last[name] += 1
        tables[name][-last[name]] |= changed
    _, outcomes = judged(tmp_path, tables, max_quarantined_share=0.5)
    assert {(name, rule) for name, _, rule in FAULTS.values()} <= {k for k, v in outcomes.items() if v == "quarantine"}
    aside = pq.read_table(tmp_path / layout.QUARANTINE / "exposures.parquet").to_pylist()
    assert sorted(row["rule"] for row in aside) == ["position_in_range", "propensity_in_range"]


@pytest.mark.parametrize(
    ("name", "row", "changed", "words"),
    [
        ("queries", 0, {"item_id": "i1"}, "queries: no two rows share query_id and item_id: 1 come again, e.g. q"),
        ("exposures", 0, {"position": "2"}, "exposures: no two rows share request_id and position: 1 come again"),
        (
            "items",
            0,
            {"item_id": "i1"},
            r"1 come again, e.g. i1 \(items/items.csv, line 2; items/items.csv, line 3\) .*one_per_id: true",
        ),
    ],
)
def test_rows_that_contradict_each_other_stop_the_run(tmp_path, name, row, changed, words):
    tables = shop()
    tables[name][row] |= changed
    with pytest.raises(DataError, match=words):
        judged(tmp_path, tables, max_quarantined_share=0.5)


def test_params_tune_a_rule_and_judge_the_age_of_the_data(tmp_path):
    tables = shop()
    tables["interactions"][0] |= {"timestamp": "2025-01-01 00:00:00"}
    config = {
        "thresholds": {"items.price_in_range": {"max": 5}, "user_listed": {"outcome": "stop"}},
        "freshness": {"now": FIRST + timedelta(days=60), "max_age_days": 7},
    }
    report, outcomes = judged(tmp_path, tables, max_quarantined_share=0.5, **config)
    assert outcomes["items", "price_in_range"] == "quarantine"
    assert outcomes["interactions", "not_of_the_future"] == "quarantine"
    assert outcomes["interactions", "times_hang_together"] == "warn"
    changed = {r["rule"]: r["override"] for r in report["rules"] if r["override"]}
    assert changed == {"price_in_range": "max 1000000000 → 5.0", "user_listed": "outcome warn → stop"}
