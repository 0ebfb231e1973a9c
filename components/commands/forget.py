"""shoploop forget: remove a person, and say what was where and what stays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from components.forgetting.trace import Trace

ROOT = Path(".")
LOG_WIDTH = 160
NEXT = (
    "The next `make run` makes anew what was removed, without the person. Copies outside this project (backups, the "
    "origin of the data, Bentos, a remote of DVC's) are not known here; docs/privacy.md names them."
)


@click.command()
@click.argument("user_id")
@click.option("--dry-run", is_flag=True, help="Show what is kept of the person, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(user_id: str, dry_run: bool, yes: bool) -> None:
    """Remove a person, named by the shop's own USER_ID, from snapshots, artifacts, DVC's cache and the online store.

    Releases that know the person are listed, not changed. The person stays forgotten: a keyed hash of the id keeps
    whatever arrives later out. Killed halfway, the same command completes it.
    """
    from rich.console import Console

    from components.core import layout
    from components.core.config import PARAMS_FILE, parse, read_params
    from components.data import under_way
    from components.data.source import SourceChoice
    from components.forgetting.forget import find, remove, suppress
    from components.forgetting.person import person

    choice = parse(SourceChoice, read_params(ROOT / PARAMS_FILE).get("source"), f"{PARAMS_FILE}: source")
    state = Path(os.environ.get("SHOPLOOP_STATE") or ROOT / layout.STATE)
    console = Console() if Console().is_terminal else Console(width=LOG_WIDTH)
    source = choice.open()
    one = person(ROOT, user_id, source)
    if not dry_run:
        with under_way.alone(ROOT):  # files that a killed `snapshot add` left on their way may name the person
            under_way.complete(ROOT)
    traces = find(ROOT, source, one, state)
    if dry_run:
        console.print(_table(traces, "What is kept of the person", "would go"))
        return
    if not yes:
        click.confirm("This cannot be taken back. Remove the person now?", abort=True)
    suppress(ROOT, one, pseudonymised=choice.pseudonymises)
    remove(ROOT, traces)
    console.print(_table(traces, "What was kept of the person", "removed"))
    console.print(NEXT)


def _table(traces: Iterable[Trace], title: str, done: str) -> Table:
    from rich.markup import escape
    from rich.table import Table

    out = Table(title=title, title_justify="left", caption=None if traces else "nothing")
    for name in ("where", "what", "count", "outcome"):
        out.add_column(name, justify="right" if name == "count" else "left", overflow="fold")
    for area, place, what, count, outcome in _rows(traces, done):
        out.add_row(area, escape(f"{place} ({what})" if place else what), f"{count:,}", escape(outcome))
    return out


def _rows(traces: Iterable[Trace], done: str) -> list[tuple[str, str, str, int, str]]:
    """One row per place; DVC's objects, which nobody knows by name, in one."""
    from components.forgetting.trace import OBJECT

    cached = sum(trace.what == OBJECT for trace in traces)
    rows = [("cache", ".dvc/cache", OBJECT, cached, done)] if cached else []
    return rows + [
        (t.area, t.place, t.what, t.count, done if t.remove else f"stays: {t.advice}")
        for t in traces
        if t.what != OBJECT
    ]
