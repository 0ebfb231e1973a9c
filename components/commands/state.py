"""shoploop state: what the service keeps of events and answers, and for how long."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

ROOT = Path(".")
DAY_S = 86_400


@click.group()
def state() -> None:
    """The service's online state: events that were told, answers that were shown."""


@state.command()
@click.option("--older-than", "days", required=True, type=click.IntRange(1, 36_500), help="Days to keep.")
def prune(days: int) -> None:
    """Delete events received, and answers shown, longer ago than so many days; the service may go on meanwhile.

    Keep more than the time between two releases: an event that no release has learned from yet is then forgotten.
    """
    from rich.console import Console
    from rich.table import Table

    from components.core import layout
    from components.online.address import store_here

    store = store_here(Path(os.environ.get("SHOPLOOP_STATE") or ROOT / layout.STATE))
    store.prepare()
    gone = store.prune(time.time() - days * DAY_S)
    store.close()
    table = Table(title=f"{store.place}: older than {days} days")
    table.add_column("kept of")
    table.add_column("rows deleted", justify="right")
    for name, rows in gone.items():
        table.add_row(name, f"{rows:,}")
    Console(highlight=False).print(table)
