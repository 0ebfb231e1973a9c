"""`shoploop sources`: which sources there are, and what one would read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.core.config import parse, read_params
from components.core.errors import ConfigError, DataError
from components.core.registry import SOURCES
from components.data.hints import hint

if TYPE_CHECKING:
    from components.data.inspection import Findings, RawFound, TableFound
    from components.data.source import Source

SECTION = "source"
ROWS = 1000
MOST_FILES = 3


@click.group()
def sources() -> None:
    """The sources of data, and what they would read."""


@sources.command("list")
def list_() -> None:
    """List the sources, each with the first line of what it says of itself."""
    width = max(map(len, SOURCES.names()))
    for name in SOURCES.names():
        click.echo(f"{name:<{width}}  {_first_line(name)}")


@sources.command()
@click.argument("config", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--rows",
    default=ROWS,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Rows looked at in the first file of each table, and as many in the last.",
)
def check(config: Path, rows: int) -> None:
    """Say what the source in CONFIG (a params.yaml, or a file with a `source` section) would read.

    It looks at the first rows of the first and of the last file of each table, for exports change over the years, and
    at the columns of all files. Nothing is copied into data/ and nothing runs.
    Exit code 2 when something required is missing, or a file lacks a column that the mapping reads.
    """
    from components.data.source import SourceChoice

    params = read_params(config)
    if SECTION not in params:
        raise ConfigError(f"{config}: no section `{SECTION}`; see docs/bring-your-own-data.md.")
    tell(parse(SourceChoice, params[SECTION], f"{config}: {SECTION}").open(), config, rows)


def tell(source: Source, config: Path, rows: int = ROWS) -> None:
    """Look at what a source would read and print it; DataError, naming the file `config`, if it does not fit."""
    from components.data.inspection import look

    try:
        findings = look(source, rows)
        show(findings)
        refuse(findings)
    except DataError as e:
        raise DataError(f"{config}: {e}") from None


def show(findings: Findings) -> None:
    """Print the findings: raw tables, canonical tables with examples and problems, and a closing table."""
    from rich.console import Console

    console = Console(width=max(100, Console().width), highlight=False)
    for raw in findings.raw:
        _show_raw(console, raw)
    for table in findings.tables:
        _show_table(console, table)
    console.print(_closing(findings))


def refuse(findings: Findings) -> None:
    """DataError where the run would stop: a file lacks a column, or no row gives a value of a required one."""
    if findings.faults:
        raise DataError(" ".join(findings.faults))
    if findings.unread:
        told = hint(words for table in findings.tables for _, stood in table.problems.values() for words in stood)
        raise DataError(
            f"{', '.join(findings.unread)}: required, but no row that was looked at gives a value that can be read; "
            "correct the mapping (columns, time.format, numbers) and check again."
            + (f" It looks like {told}." if told else "")
        )


def _show_raw(console, raw: RawFound) -> None:
    files = ", ".join(raw.files[:MOST_FILES]) + (
        f" and {len(raw.files) - MOST_FILES} more" * (len(raw.files) > MOST_FILES)
    )
    console.print(f"\nraw table [bold]{raw.name}[/bold]: {_escaped(files)}")
    console.print(f"  written as {_escaped(raw.written)}")
    console.print(f"  looked at {raw.rows:,} rows; {raw.rejected:,} lines are no rows")
    for reason in raw.reasons:
        console.print(f"    {_escaped(reason)}", soft_wrap=True)
    console.print(f"  columns that serve: {_escaped(', '.join(raw.mapped)) or 'none'}")
    if raw.unmapped:
        console.print(f"  columns left out:   {_escaped(', '.join(raw.unmapped))}")
    for remark in raw.remarks:
        console.print(f"  note: {_escaped(remark)}")


def _show_table(console, table: TableFound) -> None:
    from components.data.inspection import SHOWN_EXAMPLES

    console.print(f"\ncanonical table [bold]{table.name}[/bold]: {', '.join(table.given)}")
    if table.absent:
        console.print(f"  not given: {', '.join(table.absent)}")
    for row in table.examples:
        shown = {name: value for name, value in row.items() if value is not None}
        console.print(f"  {_escaped(json.dumps(shown, ensure_ascii=False, default=str))}", soft_wrap=True)
    for column, (count, examples) in table.problems.items():
        shown = "; ".join(examples[:SHOWN_EXAMPLES])
        console.print(f"  [red]{column}[/red]: {count:,} rows cannot be read, as {_escaped(shown)}")
        if told := hint(examples):
            console.print(f"    perhaps they are meant so: {_escaped(told)}")


def _closing(findings: Findings):
    from rich.table import Table

    closing = Table("table", "rows", "unreadable", "events", "from (UTC)", "to (UTC)", "required, unread")
    closing.columns[0].no_wrap = True
    for table in findings.tables:
        events = ", ".join(f"{n:,} {event}" for event, n in table.events.items())
        bad = max((count for count, _ in table.problems.values()), default=0)
        first, last = table.span or ("", "")
        closing.add_row(table.name, f"{table.rows:,}", f"{bad:,}", events, first, last, ", ".join(table.unread))
    return closing


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _first_line(name: str) -> str:
    """The first line of the source's file, without importing it."""
    import ast

    file = Path(__file__).parents[2] / SOURCES.file(name)
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()[0]
