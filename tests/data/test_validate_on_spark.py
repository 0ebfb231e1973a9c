"""validate with `engine: spark`: the same accepted rows, the same rejected ones, and the same report."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.data.engine import EngineConfig
from components.steps.validate import ValidateConfig, validate
from tests.data.test_snapshots import DAYS, Shop, text

pytest.importorskip("pyspark")
NO_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")
pytestmark = [pytest.mark.slow, NO_JAVA]
SPARK = EngineConfig(component="spark", memory_limit_gb=1, conf={"spark.sql.shuffle.partitions": 4})


def report_of(root):
    return json.loads((root / layout.QUALITY / "report.json").read_text())


def test_spark_maps_and_counts_and_the_rows_and_the_report_are_those_of_duckdb(tmp_path, tables, write):
    tables["transactions"]["quantity"][7] = 0  # goes to quarantine
    found = {}
    for config in (EngineConfig(memory_limit_gb=1), SPARK):
        root = tmp_path / config.component
        root.mkdir()
        write(root, tables)
        validate(ValidateConfig(engine=config, max_quarantined_share=0.1), root, 0)
        names = ("interactions", "items", "users", "promotions")
        rows = {name: pq.read_table(root / layout.VALIDATED / f"{name}.parquet").to_pylist() for name in names}
        rows["aside"] = pq.read_table(
            root / layout.QUARANTINE / "interactions.parquet", columns=["user_id", "item_id", "session_id", "rule"]
        ).to_pylist()
        found[config.component] = rows | {"report": report_of(root)}
    assert len(found["duckdb"]["interactions"]) == 199
    assert found["spark"] == found["duckdb"]


def test_files_judged_one_by_one_are_mapped_by_spark_and_give_the_same_rows_and_report(tmp_path):
    found = []
    for config in (EngineConfig(memory_limit_gb=1), SPARK):
        shop = Shop(tmp_path / config.component)
        shop.config = shop.config.model_copy(update={"engine": config})
        users = [*(f"u{i}" for i in range(9)), "Zoë", "Zoe\u0308"]  # the last two are one person
        shop.put(
            "interactions/day1.csv",
            text([*DAYS[0], *(f"{u},a,2024-01-01T1{i % 9}:00:00,2" for i, u in enumerate(users))]),
        )
        assert shop.validate()["files_new"] == 2
        shop.put("interactions/day2.csv", text(DAYS[1]))
        assert shop.validate()["files_new"] == 1
        rows = {f: shop.rows(f) for f in (layout.VALIDATED, layout.QUARANTINE)}
        found.append((rows, report_of(shop.root)))
    assert found[0] == found[1]
    rows, report = found[0]
    assert len(rows[layout.VALIDATED]) == 13
    assert report["changed_by_mapping"] == {"interactions": {"id_composed": 1}}
    assert {row["user_id"] for row in rows[layout.VALIDATED]} == {*users[:9], "Zoë"}
