"""validate with the mapping done by Spark: the same accepted and the same rejected rows."""

import shutil

import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.data.engine import EngineConfig
from components.steps.validate import ValidateConfig, validate

pytest.importorskip("pyspark")
NO_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")
pytestmark = [pytest.mark.slow, NO_JAVA]


def test_spark_maps_and_duckdb_judges_the_same_rows(tmp_path, tables, write):
    tables["transactions"]["quantity"][7] = 0  # goes to quarantine
    found = {}
    for component in ("duckdb", "spark"):
        root = tmp_path / component
        root.mkdir()
        write(root, tables)
        conf = {"spark.sql.shuffle.partitions": 4}
        config = ValidateConfig(
            engine=EngineConfig(component=component, memory_limit_gb=1, conf=conf), max_quarantined_share=0.1
        )
        validate(config, root, 0)
        found[component] = {
            name: pq.read_table(root / folder / name).to_pylist()
            for folder, name in (
                (layout.VALIDATED, "interactions.parquet"),
                (layout.VALIDATED, "items.parquet"),
                (layout.VALIDATED, "users.parquet"),
                (layout.VALIDATED, "promotions.parquet"),
            )
        }
        found[component]["aside"] = pq.read_table(
            root / layout.QUARANTINE / "interactions.parquet", columns=["user_id", "item_id", "session_id", "rule"]
        ).to_pylist()
    assert len(found["duckdb"]["interactions.parquet"]) == 199
    assert found["spark"] == found["duckdb"]
