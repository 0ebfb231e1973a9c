"""How the cost of preparation grows: Complete Journey 1, 10 and 100 times over, users and items multiplied.

    python -m tests.benchmarks.growth [--times 1 10 100] [--memory-gb 6] [--folder DIR] [--out growth.json]

Copy k of Complete Journey has users, items and baskets of its own; all lie mixed in one set of canonical tables,
written in a stream. Every size runs in a process of its own, whose CPU time and largest memory are told by stage.
100 times needs about 60 GB of disk; the tables are removed afterwards. Sizes that were run before and stand in --out
are kept, so that a long one can be run by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.our_preparation import cpu_seconds, stages, warm_up
from tests.benchmarks.tables import canonical, print_table

LARGEST_GB = 12
KEYS = ("user_id", "item_id", "session_id")


def main() -> None:
    """Run the sizes asked for; print, keep and plot the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--memory-gb", type=float, default=6)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("growth.json"))
    asked = parser.parse_args()
    found = json.loads(asked.out.read_text()) if asked.out.is_file() else {}
    with tempfile.TemporaryDirectory(prefix="shoploop-growth-", dir=asked.folder) as folder:
        root = Path(folder)
        canonical(root / "one")
        for times in asked.times:
            found[str(times)] = measured(root, times, asked.memory_gb)
            asked.out.write_text(json.dumps(found, indent=1) + "\n")
    show(found)
    plot(found, asked.out.with_suffix(".png"))


def measured(root: Path, times: int, memory_gb: float) -> dict:
    """Figures of one size, from a process of its own; its files are removed."""
    project = root / f"times_{times}"
    multiply(root / "one", project / "artifacts" / "validated", times)
    command = [sys.executable, "-m", "tests.benchmarks.growth", "child", str(project), str(memory_gb)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    shutil.rmtree(project)
    return json.loads(said.splitlines()[-1]) | {"memory_limit_gb": memory_gb}


def multiply(source: Path, target: Path, times: int) -> None:
    """Write the canonical tables of a shop `times` as large, in a stream."""
    import duckdb

    target.mkdir(parents=True)
    con = duckdb.connect(config={"memory_limit": "1GB", "threads": 2, "preserve_insertion_order": False})
    for file in sorted(source.glob("*.parquet")):
        columns = [row[0] for row in con.sql(f"DESCRIBE FROM '{file}'").fetchall()]
        changed = ", ".join(f"{c} || '-' || k AS {c}" for c in columns if c in KEYS)
        replaced = f"REPLACE ({changed})" if changed else ""
        con.execute(
            f"COPY (SELECT * EXCLUDE (k) {replaced} FROM '{file}', range({times}) AS copies(k)) "
            f"TO '{target / file.name}' (FORMAT parquet, COMPRESSION zstd)"
        )
    con.close()


def child(project: Path, memory_gb: float) -> None:
    """Prepare one size and print what each stage cost."""
    import pyarrow.parquet as pq

    from components.data.engine import EngineConfig

    spill = project / "spill"
    spill.mkdir()
    config = EngineConfig(memory_limit_gb=memory_gb, threads=2, spill=spill)
    warm_up(config)
    rows = pq.read_metadata(project / "artifacts" / "validated" / "interactions.parquet").num_rows
    cost = {"rows": rows, "stages": {}}
    for name, stage in stages(project, config).items():
        cpu, wall = cpu_seconds(), time.time()
        stage()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cost["stages"][name] = {"cpu": cpu_seconds() - cpu, "wall": time.time() - wall, "peak_mb": peak}
        print(name, cost["stages"][name], f"load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    print(json.dumps(cost))


def show(found: dict) -> None:
    """The figures as a table."""
    rows = []
    for times, size in sorted(found.items(), key=lambda pair: int(pair[0])):
        cpu = {name: stage["cpu"] for name, stage in size["stages"].items()}
        peak = max(stage["peak_mb"] for stage in size["stages"].values())
        parts = [f"{cpu[name]:,.1f}" for name in cpu]
        per_million = sum(cpu.values()) / size["rows"] * 1e6
        rows.append(
            (
                f"{times}×",
                f"{size['rows']:,}",
                *parts,
                f"{sum(cpu.values()):,.1f}",
                f"{per_million:.1f}",
                f"{peak:,.0f}",
            )
        )
    columns = ("size", "lines", "clean", "split", "features", "CPU s", "CPU s / million", "peak MB")
    print_table("Preparation of Complete Journey, multiplied", columns, rows)


def plot(found: dict, path: Path) -> None:
    """CPU seconds and peak memory over the number of lines, both axes logarithmic."""
    from components.report.figures import new_axes, new_figure

    sizes = sorted(found.values(), key=lambda size: size["rows"])
    lines = [size["rows"] / 1e6 for size in sizes]
    cpu = [sum(stage["cpu"] for stage in size["stages"].values()) for size in sizes]
    peak = [max(stage["peak_mb"] for stage in size["stages"].values()) / 1024 for size in sizes]
    figure = new_figure(9, 4)
    left = new_axes(figure, "CPU time", "million lines", "CPU seconds", 1, 2, 1)
    left.loglog(lines, cpu, marker="o", label="measured")
    left.loglog(lines, [cpu[0] * n / lines[0] for n in lines], linestyle=":", color="grey", label="as the lines grow")
    left.legend()
    right = new_axes(figure, "Memory", "million lines", "peak GB", 1, 2, 2)
    right.semilogx(lines, peak, marker="o")
    right.axhline(LARGEST_GB, linestyle=":", color="grey", label=f"{LARGEST_GB} GB")
    right.set_ylim(0, LARGEST_GB * 1.1)
    right.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
