"""What a fit on Spark is given: a session, and one table as a data frame that every worker can read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.engine import EngineConfig

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW_GROUP = 100_000


@contextmanager
def frame_of(table: pa.Table, engine: EngineConfig, beside: Path | None) -> Iterator[DataFrame]:
    """The table in a Spark of its own, which keeps its checkpoints beside it; all are gone when the block ends.

    It goes by way of a parquet file, so that the driver's heap need not hold it.

    beside  folder for that file and the checkpoints, which on a cluster every worker must see; None: the system's
            temporary one
    Raises  ConfigError if Spark cannot be had
    """
    con = engine.open()
    try:
        if beside is not None:
            beside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="for-spark-", dir=beside) as folder:
            file = Path(folder) / "table.parquet"
            pq.write_table(table, file, row_group_size=ROW_GROUP)
            con.session.sparkContext.setCheckpointDir(f"file://{file.absolute().parent}/checkpoints")
            yield con.session.read.parquet(f"file://{file.absolute()}")
    finally:
        con.disconnect()
