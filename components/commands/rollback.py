"""shoploop rollback: back to the release before, in seconds."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from components.commands.project import check_project

ROOT = Path(".")


@click.command()
@click.option("--reason", required=True, help="Why; it is kept in the history.")
@click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides.")
def rollback(reason: str, by: str) -> None:
    """Make the previous champion the champion again.

    Its files are held to their checksums. They are not loaded here: they served before, and the service loads them and
    asks their golden questions before it swaps.
    """
    check_project(ROOT)
    from components.core.lean_imports import lean_registry

    with lean_registry():
        from components.promotion.promotions import Promotions

        promotions = Promotions.of(ROOT)
    entry = promotions.rollback(by, reason)
    click.echo(f"{entry}; entry {entry.seq} of the history")
