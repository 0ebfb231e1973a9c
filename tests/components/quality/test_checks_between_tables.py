"""How tables fit together: what a row names is looked up in the table that lists it."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.engine import EngineConfig, connect
from components.data.handover import Handover
from components.data.protection import Protection
from components.quality.rules import USER_IS_LISTED
from components.quality.suites import Suite
from components.quality.unlisted import named
from components.quality.verdict import Verdict
from components.quality.workspace import IS_LISTED, stage

AT = pa.scalar("2020-01-01").cast(pa.timestamp("us"))
TABLES = {
    "interactions": {"user_id": ["u"], "item_id": ["a"], "event_type": ["view"], "timestamp": [AT]},
    "items": {"item_id": ["a", "b", None]},
    "users": {"user_id": ["u", None]},
    "exposures": {
        "request_id": ["r", "r", "s", "s"], "user_id": ["u", "v", None, "u"], "item_id": ["a", "b", "z", None],
        "position": [1, 2, 1, 2], "propensity": [1.0] * 4, "timestamp": [AT] * 4,
    },
}  # fmt: skip


class Shop:
    """What `stage` asks of a source."""

    raw: ClassVar = {}

    def __init__(self, names):
        self.names = names

    def component(self):
        return "shop"

    def tables(self, con, folder):
        return {name: con.read_parquet(folder / f"{name}.parquet") for name in self.names}


@pytest.fixture
def con(tmp_path):
    for name, columns in TABLES.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    con = connect(0.5, 1)
    yield con
    con.disconnect()


def staged(con, folder, names):
    shop, suites = Shop(names), [Suite(name, (), shared=True) for name in names]
    handover = Handover(EngineConfig(), folder / "handed")
    assert stage(con, shop, folder, suites, Protection(), shop.tables(con, folder), {}, handover) == names
    return con.table("exposures").order_by("row").to_pyarrow().to_pydict()


def test_exposures_are_held_against_items_and_users(con, tmp_path):
    found = staged(con, tmp_path, list(TABLES))
    assert found[IS_LISTED] == [True, True, False, False]
    assert found[USER_IS_LISTED] == [True, False, None, True]


def test_without_users_nothing_is_said_of_them(con, tmp_path):
    assert USER_IS_LISTED not in staged(con, tmp_path, ["interactions", "items", "exposures"])


def test_rules_on_unlisted_ids_name_those_that_most_rows_name(con, tmp_path):
    rule = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": IS_LISTED, "value_set": [True]},
            "meta": {"rule": "item_listed"}}  # fmt: skip
    suite = Suite("interactions", (rule,), shared=True)
    ids = ["a", "z9", "z9", "z2", "x" * 200]
    pq.write_table(
        pa.table({"item_id": ids, IS_LISTED: [True, False, False, False, False]}), tmp_path / "lines.parquet"
    )
    broken = Verdict("interactions", "item_listed", "warn", "…", "…", holds=False, evaluated=5, unexpected=4)
    other = Verdict("interactions", "value_present", "warn", "…", "…", holds=False, evaluated=5, unexpected=4)
    told, same = named([broken, other], [suite], {"interactions": con.read_parquet(tmp_path / "lines.parquet")})
    assert told.observed == f"e.g. z9 (2 rows), {'x' * 100}… (200 characters) (1 rows), z2 (1 rows)"
    assert same == other
