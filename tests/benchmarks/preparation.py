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
    """Stop unless every peer wrote the same rows; sums of money may differ by 1e-9 of their size."""
    import duckdb

    con = duckdb.connect()
    for ours in sorted((root / "ours").rglob("*.parquet")):
        name = ours.relative_to(root / "ours")
        if "vocabulary" in name.name:
            continue
        kinds = con.sql(f"DESCRIBE SELECT * FROM '{ours}'").fetchall()
        for peer in PEERS:
            other = root / peer / name
            columns = ", ".join(_rounded(column, kind) for column, kind, *_ in kinds)
            differing = con.sql(
                f"SELECT count(*) FROM ((SELECT {columns} FROM '{ours}' EXCEPT ALL SELECT {columns} FROM '{other}') "
                f"UNION ALL (SELECT {columns} FROM '{other}' EXCEPT ALL SELECT {columns} FROM '{ours}'))"
            ).fetchone()[0]
            if differing:
                raise SystemExit(f"{name}: {peer} and ours differ in {differing:,} rows")


def _rounded(column: str, kind: str) -> str:
    return f'round("{column}"::DOUBLE, 6)' if kind == "DOUBLE" else f'"{column}"'


if __name__ == "__main__":
    started = time.time()
    main()
    print(f"{time.time() - started:.0f} s in all")
