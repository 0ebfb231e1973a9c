"""Ingest and validate of Complete Journey, its 20.9 million promotions included: rows per CPU second, largest memory.

    python -m tests.benchmarks.intake [--engine duckdb]

The real steps in a project of their own with the committed suites, in a process of their own. CPU time is the whole
process's, the import of Great Expectations included.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.our_preparation import cpu_seconds
from tests.benchmarks.tables import print_table

PROJECT = Path(__file__).parents[2]
LEAST_ROWS_PER_CPU_SECOND, LARGEST_GB = 300_000, 4


def main() -> None:
    """Run both steps in a child, and print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="duckdb", choices=["duckdb", "spark"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shoploop-intake-") as folder:
        command = [sys.executable, "-m", "tests.benchmarks.intake", "child", folder, asked.engine]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    cost = json.loads(said.splitlines()[-1])
    rate = cost["rows"] / cost["cpu"]
    row = (f"{cost['rows']:,}", *(f"{cost[k]:.1f}" for k in ("imports", "ingest", "validate", "cpu")), f"{rate:,.0f}")
    columns = ("raw rows", "imports CPU s", "ingest", "validate", "in all", "rows / CPU s", "wall s", "peak MB")
    print_table(
        f"Ingest and validate ({asked.engine})", columns, [(*row, f"{cost['wall']:.0f}", f"{cost['peak_mb']:,.0f}")]
    )
    print(f"asked: at least {LEAST_ROWS_PER_CPU_SECOND:,} rows per CPU second, under {LARGEST_GB} GB")
    print(json.dumps(cost))


def child(root: Path, component: str) -> None:
    """Ingest and validate in `root`."""
    import pyarrow.parquet as pq

    started = time.time()
    import great_expectations  # noqa: F401

    from components.core import environment, layout  # noqa: F401
    from components.data.engine import EngineConfig
    from components.data.source import SourceChoice
    from components.steps.ingest import IngestConfig, ingest
    from components.steps.validate import ValidateConfig, validate

    shutil.copytree(PROJECT / layout.EXPECTATIONS, root / layout.EXPECTATIONS)
    shutil.copyfile(PROJECT / layout.DATA_PIN, root / layout.DATA_PIN)
    cost = {"imports": cpu_seconds()}
    ingest(IngestConfig(), root, 0)
    cost["ingest"] = cpu_seconds() - cost["imports"]
    validate(ValidateConfig(engine=EngineConfig(component=component)), root, 0)
    cost["cpu"] = cpu_seconds()
    cost["validate"] = cost["cpu"] - cost["ingest"] - cost["imports"]
    raw = SourceChoice().open().raw
    cost["rows"] = sum(pq.read_metadata(root / layout.DATA / f"{name}.parquet").num_rows for name in raw)
    cost["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(cost | {"wall": time.time() - started}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
