"""What EASE costs, all items at once or each from its nearest: `python -m tests.benchmarks.ease [--data FILE]`.

CPU seconds of one thread and peak memory, each way in a process of its own. FILE holds lines `user item item …`;
without it the data are drawn (12,000 items).
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from components.cf.ease import Ease, EaseConfig
from components.core.rng import stream
from tests.benchmarks.cf_against_implicit import drawn, read

WAYS = {
    "all items at once": {"max_items": 30_000, "memory_limit_gb": 5},
    "each from its 100 nearest": {"max_items": 0, "tail_neighbours": 100},
}


def measured(options: dict, data: Path | None) -> tuple[float, float, float]:
    """CPU seconds of the fit, peak GB of the process, and GB before the fit."""
    from threadpoolctl import threadpool_limits

    events = read(data) if data else drawn()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    with threadpool_limits(1):
        started = time.process_time()
        Ease(EaseConfig(regularization=100, **options)).fit(events, stream(0, "benchmark"))
        spent = time.process_time() - started
    return spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, before


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="Lines `user item item …`.")
def main(data: Path | None) -> None:
    """CPU seconds and peak memory of both ways."""
    out = Table("EASE", "CPU s", "peak GB", "of it before the fit")
    for way, options in WAYS.items():
        with multiprocessing.get_context("spawn").Pool(1) as process:
            spent, peak, before = process.apply(measured, (options, data))
        out.add_row(way, f"{spent:.1f}", f"{peak:.2f}", f"{before:.2f}")
    Console(width=90).print(out)


if __name__ == "__main__":
    main()
