"""What our command lines share: our own errors are words, not tracebacks; commands import late."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
from collections.abc import Callable

import click

from components.core.errors import ShoploopError

MOST_MINUTES = 7 * 24 * 60  # of the wall, for one model
LARGEST_SEED = 2**32 - 1  # what the libraries accept
MOST_SEEDS = 100  # of one run
MINUTES = click.FloatRange(0, MOST_MINUTES, min_open=True)


def density_options(command: Callable) -> Callable:
    """Adds min_users_per_item and min_items_per_user, which thin the data; None where nobody says so."""
    users = "Rarer items leave the catalogue.  [usually 10; of sequences 1]"
    items = "Users with fewer items are not fitted on.  [usually 5; of sequences and sessions 1]"
    command = click.option("--min-items-per-user", type=click.IntRange(1), help=items)(command)
    return click.option("--min-users-per-item", type=click.IntRange(1), help=users)(command)


class PlainErrors(click.Group):
    """Print our own errors as words, without a traceback, and leave with 2.

    later  commands that live in files of their own: name → ("module:command", one line for --help)
    """

    def __init__(self, *args: object, later: dict[str, tuple[str, str]] | None = None, **kwargs: object):
        """As click.Group, with commands that are imported when they are called."""
        super().__init__(*args, **kwargs)
        self.later = later or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), *self.later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        if cmd_name not in self.later:
            return super().get_command(ctx, cmd_name)
        module, _, name = self.later[cmd_name][0].partition(":")
        return getattr(importlib.import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line for each command, without importing any."""
        rows = [
            (name, self.later[name][1] if name in self.later else self.commands[name].get_short_help_str(100))
            for name in self.list_commands(ctx)
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ShoploopError as e:
            click.echo(f"shoploop: {e}", err=True)
            ctx.exit(2)


def run_and_leave(command: click.Command) -> None:
    """Run a command line and end the process without taking the interpreter apart.

    DuckDB's binding prints forty lines about "leaked" instances when the interpreter is finalised after Great
    Expectations. All files are written and closed by then, and what libraries left to do at exit is done here.
    """
    try:
        command()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        atexit._run_exitfuncs()  # noqa: SLF001 - os._exit would skip them
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
