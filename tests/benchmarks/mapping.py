"""Mapping of Ta-Feng's lines, from landed parquet to canonical interactions, against hand-written DuckDB SQL.

`python -m tests.benchmarks.mapping` prints rows per CPU second of both, and their ratio. The hand-written query reads
the same columns with DuckDB's own try_strptime and TRY_CAST and tells no problems.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from components.data import engine
from components.data.source import SourceChoice

BY_HAND = """
CREATE TABLE by_hand AS SELECT nullif(CUSTOMER_ID, '') AS user_id, nullif(PRODUCT_ID, '') AS item_id,
  'purchase' AS event_type, try_strptime(TRANSACTION_DT, '%m/%d/%Y') - INTERVAL 8 HOUR AS timestamp,
  TRY_CAST(SALES_PRICE AS DOUBLE) AS value, TRY_CAST(AMOUNT AS DOUBLE) AS quantity, source_file, source_row
FROM read_parquet('{file}')
"""
ROUNDS = 3


def main() -> None:
    """Print the figures."""
    source = SourceChoice(component="ta_feng").open()
    with tempfile.TemporaryDirectory() as folder:
        data, work = Path(folder) / "data", Path(folder) / "landed"
        data.mkdir()
        work.mkdir()
        source.ingest(data)
        landed, land_s = timed(lambda: source.land(data, work))
        rows = engine.count_rows(landed / "lines.parquet")
        print(f"landing: {rows / land_s:,.0f} rows per CPU second")
        ours, theirs = (min(once(work_of, landed, source) for _ in range(ROUNDS)) for work_of in (mapped, by_hand))
    print(f"mapping: {rows / ours:,.0f} rows per CPU second; by hand {rows / theirs:,.0f}; ratio {ours / theirs:.1f}")


def mapped(con, source, landed):
    """Our way."""
    con.create_table("ours", source.tables(con, landed)["interactions"])


def by_hand(con, source, landed):
    """DuckDB's own way."""
    con.raw_sql(BY_HAND.format(file=landed / "lines.parquet"))


def once(work, landed, source) -> float:
    """CPU seconds of one run on a fresh connection."""
    con = engine.connect()
    _, seconds = timed(lambda: work(con, source, landed))
    con.disconnect()
    return seconds


def timed(work):
    """The result and the CPU seconds it took."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


if __name__ == "__main__":
    main()
