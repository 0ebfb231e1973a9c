"""`shoploop quarantine`: what was set aside and why, row by row, and back again after a rule was changed."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.core import layout

if TYPE_CHECKING:
    from rich.console import Console

    from components.steps.readmission import Readmission

ROOT = Path(".")
LEAST_WIDTH = 120


@click.group()
def quarantine() -> None:
    """Rows set aside by validate: list, explain, and re-admit them after a rule was changed."""


@quarantine.command("list")
def list_() -> None:
    """Count the rows set aside, by table, rule and reason, with examples of what stood there."""
    from rich.markup import escape
    from rich.table import Table

    from components.quality.quarantine_view import groups

    found = groups(ROOT / layout.QUARANTINE)
    for remark in _standing():
        click.echo(remark)
    if not found:
        click.echo(_nothing())
        return
    table = Table("table", "rule", "rows", "reason", "for example")
    for group in found:
        cells = [group.table, group.rule, f"{group.rows:,}", group.reason, _short(group.examples[0])]
        table.add_row(*map(escape, cells))
    console = _console()
    console.print(table)
    console.print(
        "`shoploop quarantine explain <table>` shows rows and what to do; a row counts once for every rule it breaks."
    )


@quarantine.command()
@click.argument("table")
@click.option("--rule", help="Only rows set aside by this rule.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 10_000), help="Rows shown at most.")
def explain(table: str, rule: str | None, limit: int) -> None:
    """Show rows of TABLE as they came, why they were set aside, and what to do."""
    from rich.markup import escape

    from components.quality import quarantine_view as view

    console = _console()
    for row in view.rows(ROOT / layout.QUARANTINE, table, rule, limit):
        where = f"{row['source_file']}, row {row['source_row']}" if row["source_file"] else f"row {row.get('row')}"
        console.print(f"[bold]{escape(where)}[/bold]: {escape(row['rule'])}: {escape(row['reason'])}")
        console.print(f"  original  {escape(row['original'])}")
        values = view.values(row)
        if values:
            console.print("  read as   " + escape(", ".join(f"{name}={value}" for name, value in values.items())))
    for group in view.groups(ROOT / layout.QUARANTINE):
        if group.table == table and rule in (None, group.rule):
            console.print(f"[bold]{escape(group.rule)}[/bold] ({group.rows:,} rows): {escape(group.advice)}")


@quarantine.command()
@click.option("--reason", required=True, help="Why; it is kept in the journal.")
@click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides.")
def readmit(reason: str, by: str) -> None:
    """Judge the rows set aside by today's rules; those that now pass go into validated/ as a part of their own."""
    from components.core.config import PARAMS_FILE, read_params
    from components.steps.readmission import readmit as judge_again
    from components.steps.runner import find_step, read_config

    params = read_params(ROOT / PARAMS_FILE)
    config = read_config(find_step("validate", params), params)
    _tell(judge_again(config, ROOT, by, reason, datetime.now(UTC)))


def _standing() -> list[str]:
    """What a person must know of the run that left the quarantine: data refused, or not those pinned now."""
    from components.data.pin import read_pin
    from components.quality.quarantine_view import judged_data
    from components.quality.refusal import refusal

    folder = ROOT / layout.QUARANTINE
    said = [f"validate refused these data and accepted no row: {reason}" for reason in refusal(folder)]
    if (ROOT / layout.DATA_PIN).is_file() and read_pin(ROOT / layout.DATA_PIN)[0] != judged_data(folder):
        said.append(f"this is the quarantine of an earlier run: {layout.DATA_PIN} pins other data since; validate anew")
    return said


def _nothing() -> str:
    from components.quality.refusal import refusal

    if refusal(ROOT / layout.QUARANTINE):
        return "no single row was set aside: the rules that said stop are about whole tables"
    return "the quarantine is empty: every row that was read was accepted"


def _tell(done: Readmission) -> None:
    from rich.table import Table

    table = Table("table", "re-admitted", "still set aside")
    for name, (back, left) in sorted(done.rows.items()):
        table.add_row(name, f"{back:,}", f"{left:,}")
    console = _console()
    console.print(table)
    changed = ", ".join(done.changed) or "none: today's rules are those that set the rows aside"
    console.print(f"rules that changed: {changed}", markup=False)
    if any(back for back, _ in done.rows.values()):
        console.print("run `dvc repro` to take them up; its validate step will come to the same rows")


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=max(LEAST_WIDTH, console.width))


def _short(text: str, letters: int = 60) -> str:
    return text if len(text) <= letters else f"{text[:letters]}…"
