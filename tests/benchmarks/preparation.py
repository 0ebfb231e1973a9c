"""Preparation of Complete Journey – filters, splits, aggregates – by our steps, by hand-written DuckDB SQL, by pandas.

    python -m tests.benchmarks.preparation [--rounds 3]

All three start from the same canonical tables and write the same files: clean tables, history and target of two folds,
the indexed dataset, and the item, context and user features. What they wrote is compared before any figure is printed.
Every round runs each peer in a process of its own; the figure is the least CPU time of the rounds, imports not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEERS = ("sql", "sql, sorted files", "ours", "pandas")
ALLOWED = 1.3  # times the CPU of hand-written SQL


def main() -> None:
    """Run the peers, compare what they wrote, print the ratios."""
    from tests.benchmarks.tables import canonical, print_table

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    rounds = arguments.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="shoploop-bench-") as folder:
        root = Path(folder)
        canonical(root / "validated")
        found = {peer: min((_child(peer, root) for _ in range(rounds)), key=lambda run: run["cpu"]) for peer in PEERS}
        same_rows(root)
    base = found["sql"]["cpu"]
    rows = [
        (peer, f"{run['cpu']:.2f}", f"{run['wall']:.2f}", f"{run['peak_mb']:,.0f}", f"{run['cpu'] / base:.2f}")
        for peer, run in found.items()
    ]
    print_table("Preparation of Complete Journey", ("peer", "CPU s", "wall s", "peak MB", "CPU / SQL"), rows)
    print(json.dumps(found))
    ours = found["ours"]["cpu"]
    print(f"ours / SQL {ours / base:.2f} (allowed {ALLOWED}), ours / pandas {ours / found['pandas']['cpu']:.2f}")


def _child(peer: str, root: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.preparation_peers", peer, str(root)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(said.splitlines()[-1])


def same_rows(root: Path) -> None:
    """Stop unless every peer wrote the same rows; features may differ by 1e-9 of their size, for they are sums."""
    for ours in sorted((root / "ours").rglob("*.parquet")):
        name = ours.relative_to(root / "ours")
        for peer in PEERS if "vocabulary" not in name.name else ():
            differing = (_features_apart if name.parts[0] == "features" else _rows_apart)(ours, root / peer / name)
            if differing:
                raise SystemExit(f"{name}: {peer} and ours differ in {differing:,} rows")


def _rows_apart(one: Path, other: Path) -> int:
    import duckdb

    with duckdb.connect() as con:
        columns = ", ".join(f'"{row[0]}"' for row in con.sql(f"DESCRIBE FROM '{one}'").fetchall())
        here, there = (f"SELECT {columns} FROM '{file}'" for file in (one, other))
        apart = f"({here} EXCEPT ALL {there}) UNION ALL ({there} EXCEPT ALL {here})"
        return con.sql(f"SELECT count(*) FROM ({apart})").fetchall()[0][0]


def _features_apart(one: Path, other: Path) -> int:
    import numpy as np
    import pyarrow.parquet as pq

    here, there = (pq.read_table(file) for file in (one, other))
    key, *numbers = here.column_names
    here, there = (table.sort_by(key) for table in (here, there))
    if here[key].to_pylist() != there[key].to_pylist():
        return max(len(here), len(there))
    values = [[table[c].to_numpy().astype("float64") for c in numbers] for table in (here, there)]
    return int((~np.isclose(*map(np.array, values), rtol=1e-9, atol=1e-12, equal_nan=True)).any(axis=0).sum())


if __name__ == "__main__":
    started = time.time()
    main()
    print(f"{time.time() - started:.0f} s in all")
