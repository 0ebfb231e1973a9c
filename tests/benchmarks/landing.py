"""How many rows of each format are landed in a CPU second: `python -m tests.benchmarks.landing`.

The peers read the same comma file to parquet of text columns and check nothing: pyarrow's streaming reader, and
Python's csv module. Figures are the best of `repeats`, all in one run; peak memory is of the whole process.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from components.data.landing import FileFormat, Limits, land

NAMES = ["user_id", "item_id", "event", "ts", "value", "qty", "title", "session"]
SEED = 7


def rows(count: int, title: str) -> Iterator[list[str]]:
    rng = random.Random(SEED)
    for i in range(count):
        day, minute = i % 28 + 1, i % 60
        yield [f"{rng.randrange(100_000):07d}", str(rng.randrange(40_000)), "purchase",
               f"2024-03-{day:02d}T12:{minute:02d}:00Z", f"{rng.random() * 100:.2f}", str(i % 5 + 1),
               f"{title} {i % 999}", f"S{i // 4}"]  # fmt: skip


def write(folder: Path, count: int) -> dict[str, Path]:
    """One file per format, of the same kind of rows."""
    files = {name: folder / file for name, file in (
        ("CSV", "plain.csv"), ("CSV, gzip", "plain.csv.gz"), ("CSV, quoted", "quoted.csv"),
        ("CSV, GB18030", "chinese.csv"), ("CSV, stray quotes", "stray.csv"), ("JSON lines, gzip", "events.jsonl.gz"),
        ("parquet", "events.parquet"))}  # fmt: skip
    text = "".join(",".join(row) + "\n" for row in [NAMES, *rows(count, "Title of")])
    files["CSV"].write_text(text)
    files["CSV, gzip"].write_bytes(gzip.compress(text.encode(), 1))
    with open(files["CSV, quoted"], "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([NAMES, *rows(count, "Title, of")])
    files["CSV, GB18030"].write_text(text.replace("Title of", "牛奶巧克力"), encoding="gb18030")
    files["CSV, stray quotes"].write_text(text.replace("Title of 5", '5" screen'))
    with gzip.open(files["JSON lines, gzip"], "wt", compresslevel=1) as f:
        f.writelines(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows(count, "Title of"))
    columns = list(zip(*rows(count, "Title of"), strict=True))
    pq.write_table(pa.table([pa.array(c) for c in columns], names=NAMES), files["parquet"])
    return files


def by_pyarrow(path: Path, out: Path) -> None:
    kinds = pa_csv.ConvertOptions(column_types=dict.fromkeys(NAMES, pa.string()))
    with (
        pa_csv.open_csv(path, pa_csv.ReadOptions(use_threads=False), convert_options=kinds) as reader,
        pq.ParquetWriter(out, reader.schema) as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)


def by_csv_module(path: Path, out: Path) -> None:
    with open(path, newline="") as f:
        _, *found = csv.reader(f)
    pq.write_table(pa.table([pa.array(c) for c in zip(*found, strict=True)], names=NAMES), out)


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    found = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


@click.command()
@click.option("--count", default=500_000, help="rows per file")
@click.option("--repeats", default=3)
def main(count: int, repeats: int) -> None:
    """Print rows per CPU second, and each as a ratio to the plain CSV."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write(folder, count)
        found = {kind: cpu_seconds(lambda p=path: land("t", [p], FileFormat(), folder / "w", Limits(), folder), repeats)
                 for kind, path in files.items()}  # fmt: skip
        for kind, peer in (("peer: pyarrow's reader", by_pyarrow), ("peer: Python's csv", by_csv_module)):
            found[kind] = cpu_seconds(lambda p=peer: p(files["CSV"], folder / "peer.parquet"), repeats)
        size = files["CSV"].stat().st_size / 1e6
    table = Table(
        "format", "rows per CPU second", "CPU time, plain CSV = 1", title=f"{count:,} rows, CSV of {size:.0f} MB"
    )
    for kind, seconds in found.items():
        table.add_row(kind, f"{count / seconds:,.0f}", f"{seconds / found['CSV']:.2f}")
    Console().print(table)
    print(
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB, peers and making of files included"
    )


if __name__ == "__main__":
    main()
