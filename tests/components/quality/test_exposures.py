"""The log of a service is held to the committed suite."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout, schema
from components.core.errors import DataError
from components.quality.exposures import judge_exposures

pytestmark = pytest.mark.slow
EXPECTATIONS = Path(__file__).parents[3] / layout.EXPECTATIONS


def log(**changed):
    rows = {
        "request_id": ["r1", "r1", "r2"], "user_id": ["u", "u", None], "item_id": ["1", "2", "1"],
        "position": [1, 2, 1], "score": [0.9, 0.1, 0.5], "propensity": [1.0, 1.0, 1.0], "release": ["3"] * 3,
        "experiment": ["demo"] * 3, "variant": ["control"] * 3, "timestamp": [1.7e9, 1.7e9, 1.7e9 + 60],
    }  # fmt: skip
    return pa.table({name: (rows | changed)[name] for name in schema.EXPOSURES})


@pytest.fixture
def items(tmp_path):
    pq.write_table(pa.table({"item_id": ["1", "2"]}), tmp_path / "items.parquet")
    return tmp_path / "items.parquet"


def test_a_good_log_holds_and_what_it_lacks_is_told(items):
    verdicts = {v.rule: v.follows for v in judge_exposures(log(), items, EXPECTATIONS, {})}
    assert set(verdicts.values()) == {"holds", "not given"}
    assert {rule for rule, follows in verdicts.items() if follows == "not given"} == {"readable", "user_listed"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"propensity": [1.0, 0.0, 1.0]}, "propensity is finite, above 0 and at most 1"),
        ({"position": [1, 1, 1]}, "no two rows share request_id and position"),
        ({"item_id": ["1", "9", "1"]}, "at least 99% of the exposures name a listed product"),
        ({"timestamp": [0.0, 1.7e9, 1.7e9]}, "timestamp is finite and lies between 1990"),
        ({"score": [float("inf"), 1.0, 1.0]}, "score is finite"),
    ],
)
def test_a_log_that_is_partly_wrong_is_not_believed(items, changed, words):
    with pytest.raises(DataError, match=words):
        judge_exposures(log(**changed), items, EXPECTATIONS, {})


def test_an_empty_log_is_not_believed(items):
    empty = {name: [] for name in schema.EXPOSURES}
    with pytest.raises(DataError, match="the table has 1 to"):
        judge_exposures(log(**empty), items, EXPECTATIONS, {})
