"""A drafted suite accepts the snapshot it was made from, rejects planted faults, and nothing goes past it unread."""

import json
import math
from datetime import datetime

import pytest

from components.core import layout
from components.core.errors import DataError
from components.quality.judge import judge_tables
from components.quality.suites import DRAFT, Suite, load_suites
from components.steps.drafting import suggest
from components.steps.validate import ValidateConfig, validate

CONFIG = ValidateConfig()
TABLES = ("interactions", "items", "users", "promotions")
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def good(tmp_path_factory, write):
    """A validated project, and the drafts of all its tables."""
    root = tmp_path_factory.mktemp("good")
    write(root)
    validate(CONFIG, root, 0)
    drafts = {name: suggest(CONFIG, root, name, to=layout.ARTIFACTS / f"{name}.json")[1] for name in TABLES}
    return root, drafts


def rows_of(root, name):
    """A validated table with the column by which the workspace says that an item is listed."""
    import pyarrow.parquet as pq

    table = pq.read_table(root / layout.VALIDATED / f"{name}.parquet").to_pydict()
    listed = {} if name in ("items", "users") else {"item_is_listed": [True] * len(table["item_id"])}
    return table | listed


def verdicts(draft, columns, like):
    import pyarrow as pa

    table = pa.table({name: pa.array(values, like[name].type) for name, values in columns.items()})
    suite = Suite(draft["name"], tuple(draft["expectations"]))
    from components.data import engine

    return judge_tables([suite], {draft["name"]: table}, engine.settings(0.5, 1))


def types_of(columns):
    import pyarrow as pa

    return pa.table(columns).schema


@slow
@pytest.mark.parametrize("name", TABLES)
def test_a_draft_accepts_the_snapshot_it_was_made_from(good, name):
    root, drafts = good
    columns = rows_of(root, name)
    found = verdicts(drafts[name], columns, dict(zip(columns, types_of(columns), strict=True)))
    assert {v.rule: v.follows for v in found if v.follows != "holds"} == {}
    assert len(found) == len(drafts[name]["expectations"]) >= 5


FAULTS = [
    ("interactions", "value", -1000.0, "value_in_range"),
    ("interactions", "value", math.nan, "value_in_range"),
    ("interactions", "quantity", math.inf, "quantity_in_range"),
    ("interactions", "user_id", None, "user_id_present"),
    ("interactions", "event_type", "teleport", "event_type_known"),
    ("interactions", "store_id", "8" * 99, "store_id_not_empty"),
    ("interactions", "timestamp", datetime(2030, 1, 1), "timestamp_in_range"),  # noqa: DTZ001
    ("interactions", "item_is_listed", False, "items_fit"),
    ("items", "item_id", "2", "item_id_unique"),
    ("promotions", "mailer_share", 7.5, "mailer_share_in_range"),
]


@slow
@pytest.mark.parametrize(("name", "column", "value", "rule"), FAULTS)
def test_a_draft_rejects_planted_faults(good, name, column, value, rule):
    root, drafts = good
    columns = rows_of(root, name)
    types = dict(zip(columns, types_of(columns), strict=True))
    for row in range(3 if column == "item_is_listed" else 1):
        columns[column][row] = value
    broken = {v.rule for v in verdicts(drafts[name], columns, types) if v.follows != "holds"}
    assert rule in broken


@slow
def test_half_the_rows_or_a_lost_column_are_rejected(good):
    root, drafts = good
    columns = rows_of(root, "interactions")
    types = dict(zip(columns, types_of(columns), strict=True))
    few = {name: values[:40] for name, values in columns.items()}
    assert "row_count" in {v.rule for v in verdicts(drafts["interactions"], few, types) if v.follows == "stop"}
    del columns["store_id"]
    found = {v.rule for v in verdicts(drafts["interactions"], columns, types) if v.follows == "stop"}
    assert "columns_there" in found


@slow
def test_no_run_goes_past_a_draft_until_its_mark_is_gone(write, tmp_path):
    write(tmp_path)
    validate(CONFIG, tmp_path, 0)
    with pytest.raises(DataError, match=r"complete_journey.users.json is there already"):
        suggest(CONFIG, tmp_path, "users")
    path, _ = suggest(CONFIG, tmp_path, "users", replace=True)
    with pytest.raises(DataError, match="still a draft"):
        validate(CONFIG, tmp_path, 0)
    suite = json.loads((tmp_path / path).read_text())
    del suite[DRAFT]
    (tmp_path / path).write_text(json.dumps(suite))
    assert "columns_there" in {r["meta"]["rule"] for r in _rules(tmp_path, "users")}
    assert validate(CONFIG, tmp_path, 0).metrics["quarantined"] == 0


def _rules(root, table):
    (suite,) = [s for s in load_suites(root / layout.EXPECTATIONS, "complete_journey") if s.table == table]
    return suite.expectations


@slow
def test_a_table_that_is_not_there_is_named(good):
    root, _ = good
    with pytest.raises(DataError, match="no table 'queries'; there are: interactions, items, promotions, users"):
        suggest(CONFIG, root, "queries", to=layout.ARTIFACTS / "queries.json")
