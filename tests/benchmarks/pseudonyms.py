"""What pseudonyms cost: python -m tests.benchmarks.pseudonyms

Copies a table of two million lines of 50,000 users in DuckDB, once as it is and once with pseudonyms in place of the
users' ids, and prints CPU seconds and lines per CPU second.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core import schema
from components.core.pseudonyms import PseudonymKey, pseudonymised
from components.data.engine import connect

LINES, USERS, SEED = 2_000_000, 50_000, 1


def cpu_seconds(table, path: Path) -> float:
    """CPU seconds of writing a lazy table."""
    started = time.process_time()
    table.to_parquet(path, compression="zstd")
    return time.process_time() - started


def main() -> None:
    """Print both costs and their difference."""
    draw = np.random.default_rng(SEED)
    ids = np.char.add("customer-", draw.integers(USERS, size=LINES).astype(str))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.parquet"
        pq.write_table(pa.table({schema.USER_ID: ids, schema.ITEM_ID: draw.integers(20_000, size=LINES)}), path)
        plain = connect(2, 1).read_parquet(path)
        hashed = pseudonymised({"t": plain}, PseudonymKey("k" * 32))["t"]
        for name, table in (("as it is", plain), ("pseudonyms", hashed)):
            seconds = cpu_seconds(table, Path(folder) / "out.parquet")
            print(f"{name:<11} {seconds:6.2f} CPU s  {LINES / seconds:12,.0f} lines per CPU second")


if __name__ == "__main__":
    main()
