"""`shoploop snapshot`: a new day's file comes in and is pinned; which files there are, and what their rows became."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from components.core import layout

ROOT = Path(".")


@click.group()
def snapshot() -> None:
    """The raw files in data/: add a new day's, list them."""


@snapshot.command()
@click.argument("table")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
def add(table: str, files: tuple[Path, ...]) -> None:
    """Copy FILES into data/TABLE/ and pin them; the next `dvc repro` judges them without reading the old ones again.

    TABLE is a raw table of the source (for the source `tables`: interactions, items, …). A file that cannot be read,
    whose name is taken, or whose bytes are there already is refused, and nothing is changed. Killed halfway, the same
    command completes it.
    """
    from rich.console import Console
    from rich.table import Table

    from components.data.arrivals import add as bring_in

    digest, arrivals = bring_in(ROOT, _source(), table, files)
    told = Table("file", "rows", "lines that are no rows", "copies of rows in the same file")
    for arrival in arrivals:
        told.add_row(arrival.name, f"{arrival.rows:,}", f"{arrival.rejected:,}", f"{arrival.repeated:,}")
    Console(highlight=False).print(told)
    for arrival in arrivals:
        if 2 * arrival.repeated >= arrival.rows:
            click.echo(f"{arrival.name}: half of its rows or more are copies; was it written twice?", err=True)
    click.echo(f"{layout.DATA_PIN}: pinned {digest}; commit that file, then run `dvc repro`")


@snapshot.command("list")
def list_() -> None:
    """List the raw files: rows, time span, accepted and set aside, and when they were judged."""
    from rich.console import Console
    from rich.table import Table

    from components.data.pin import read_pin
    from components.quality.part_store import known_files

    _, pinned = read_pin(ROOT / layout.DATA_PIN)
    known = {(facts["file"], facts["digest"]): (facts, at) for facts, at in known_files(ROOT / layout.PARTS)}
    told = Table("file", "table", "rows", "from", "to", "accepted", "set aside", "judged")
    for name, digest in sorted(pinned.items()):
        facts, at = known.get((name, digest), (None, None))
        if facts is None:
            told.add_row(name, "", "", "", "", "", "", "with its whole table, or not yet")
            continue
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        for table, said in facts["tables"].items():
            counts = [f"{said[kind]:,}" for kind in ("rows", "accepted", "condemned")]
            told.add_row(name, table, counts[0], said["oldest"], said["newest"], *counts[1:], when)
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=max(160, console.width))
    console.print(told)
    console.print(f"{len(pinned)} files; {sum(key in known for key in pinned.items())} judged one by one")


def _source():
    from components.core.config import PARAMS_FILE, parse, read_params
    from components.data.source import SourceChoice

    params = read_params(ROOT / PARAMS_FILE)
    return parse(SourceChoice, params.get("source") or {}, f"{PARAMS_FILE}: source").open()
