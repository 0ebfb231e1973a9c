"""The features of a small shop hold; planted faults stop, and the report is left behind."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core.errors import DataError
from components.steps.featurize import FeaturizeConfig
from components.steps.inspect import inspect

pytestmark = pytest.mark.slow
SUITES = Path(__file__).parents[3] / layout.FEATURE_EXPECTATIONS


@pytest.fixture
def project(shop):
    shutil.copytree(SUITES, shop / layout.FEATURE_EXPECTATIONS)
    return shop


def spoil(project, name, column, values):
    file = project / layout.FEATURES / layout.TEST_FOLD / name
    table = pq.read_table(file)
    at = table.schema.names.index(column) if column in table.schema.names else None
    values = pa.array([*values, *table[column].to_pylist()[len(values) :]] if at is not None else values)
    changed = table.append_column(column, values) if at is None else table.set_column(at, column, values)
    pq.write_table(changed, file)


def test_features_of_a_small_shop_hold(project):
    result = inspect(FeaturizeConfig(), project, 0)
    assert result.metrics["tables"] == 10
    assert result.metrics["warnings"] == 0
    report = json.loads((project / layout.INSPECTION / "report.json").read_text())
    assert {r["outcome"] for r in report["rules"]} == {"holds"}
    assert len(report["rules"]) == result.metrics["rules"]


@pytest.mark.parametrize(
    ("name", "column", "values", "words"),
    [
        ("items.parquet", "price", [float("inf")], "test_items: price is finite and lies between"),
        ("items.parquet", "repeat_rate", [1.5], "test_items: repeat_rate is finite and lies between 0 and 1"),
        ("context.parquet", "trend", [None], "test_context: trend is never missing"),
        ("users.parquet", "user_id", ["u01", "u01"], "test_users: no user_id comes twice"),
        ("items.parquet", "item_id", ["stranger"], "every product of the dataset has its row of features"),
        ("users.parquet", "new_number", [float("nan")] * 96, "test_users: new_number is finite"),
    ],
)
def test_a_planted_fault_stops_and_is_named(project, name, column, values, words):
    spoil(project, name, column, values)
    with pytest.raises(DataError, match=words):
        inspect(FeaturizeConfig(), project, 0)
    assert (project / layout.INSPECTION / "report.html").is_file()


def test_a_threshold_of_featurize_tunes_a_rule(project):
    spoil(project, "items.parquet", "repeat_rate", [1.5])
    with pytest.raises(DataError, match="repeat_rate"):
        inspect(FeaturizeConfig(), project, 0)
    config = FeaturizeConfig.model_validate({"thresholds": {"items.repeat_rate_in_range": {"max": 2}}})
    assert inspect(config, project, 0).summary


def test_an_empty_table_of_features_stops(project):
    file = project / layout.FEATURES / layout.TEST_FOLD / "users.parquet"
    table = pq.read_table(file)
    pq.write_table(table.filter(pc.equal(table["user_id"], "nobody")), file)
    with pytest.raises(DataError, match="test_users: the table has 1 to"):
        inspect(FeaturizeConfig(), project, 0)
