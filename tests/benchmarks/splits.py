"""What each split method costs, and how much of it the guard: `python -m tests.benchmarks.splits`.

It reads artifacts/clean of the project (`dvc repro clean` makes it) and writes to a scratch folder.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from components.core import layout
from components.core.config import parse
from components.core.registry import SPLITS
from components.splits import guard
from components.splits.splitter import SplitConfig
from components.steps.split import split


def timed(spent: list[float], function: Callable) -> Callable:
    """The function, its CPU seconds added to `spent`."""

    def run(*arguments):
        started = time.process_time()
        function(*arguments)
        spent.append(time.process_time() - started)

    return run


@click.command()
@click.option("--clean", type=click.Path(path_type=Path, exists=True), default=layout.CLEAN, help="Clean tables.")
def main(clean: Path) -> None:
    """CPU seconds of the split step by method."""
    out = Table("method", "CPU s", "of it the guard", "share", title=f"The split step on {clean}")
    checks = guard.check_folds, guard.check_dataset
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        shutil.copytree(clean, root / layout.CLEAN)
        for name in SPLITS.names():
            spent: list[float] = []
            guard.check_folds, guard.check_dataset = (timed(spent, check) for check in checks)
            started = time.process_time()
            split(parse(SplitConfig, {"method": name}, name), root, 0)
            whole = time.process_time() - started
            out.add_row(name, f"{whole:.1f}", f"{sum(spent):.1f}", f"{sum(spent) / whole:.0%}")
    Console(width=100).print(out)


if __name__ == "__main__":
    main()
