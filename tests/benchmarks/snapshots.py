"""What a new day costs: validate of all days at once, and of one day more, in CPU seconds of processes of their own.

Run: python -m tests.benchmarks.snapshots [days] [rows of a day]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

RUN = """
import json, sys
from pathlib import Path
from components.data.source import SourceChoice
from components.steps.validate import ValidateConfig, validate
source = SourceChoice.model_validate(json.loads(sys.argv[2]))
print(validate(ValidateConfig(source=source), Path(sys.argv[1]), 0).summary)
"""
COLUMNS = {"user_id": "u", "item_id": "i", "timestamp": "t", "value": "v"}


def write_day(path: Path, day: int, rows: int) -> None:
    """One day's events as CSV."""
    import duckdb

    query = f"""
        SELECT 'u' || (hash(range, {day}, 1) % 20000) AS u, 'i' || (hash(range, {day}, 2) % 5000) AS i,
               strftime(TIMESTAMP '2024-01-01' + INTERVAL {day} DAY + to_seconds(range % 86400),
                        '%Y-%m-%dT%H:%M:%S') AS t,
               1 + hash(range, {day}, 3) % 9900 / 100.0 AS v
        FROM range({rows})
    """
    duckdb.sql(query).write_csv(str(path))


def timed(root: Path, source: str) -> tuple[float, str]:
    """CPU seconds of one validate in a process of its own, and its summary."""
    before = os.times()
    done = subprocess.run([sys.executable, "-c", RUN, str(root), source], capture_output=True, text=True, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, next(line for line in done.stdout.splitlines() if " rules on " in line)


def main(days: int = 20, rows: int = 100_000) -> None:
    """Print both costs and their ratio."""
    from components.data.pin import write_pin
    from tests.data.hostile.shop import project

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        (Path(folder) / "raw").mkdir()
        for day in range(days):
            write_day(Path(folder) / "raw" / f"day{day:03}.csv", day, rows)
        root.mkdir()
        choice = project(root, {"interactions": {"files": f"{folder}/raw/*.csv", "columns": COLUMNS}})
        source = choice.model_dump_json()
        whole, said = timed(root, source)
        print(f"{days} days of {rows:,} rows at once: {whole:.1f} CPU s ({said})")
        nothing, said = timed(root, source)
        print(f"the same again: {nothing:.1f} CPU s ({said})")
        write_day(root / "data" / "interactions" / f"day{days:03}.csv", days, rows)
        write_pin(root / "data", root / "data.dvc")
        more, said = timed(root, source)
        print(f"one day more: {more:.1f} CPU s ({said}); {more / whole:.2f} of the whole")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
