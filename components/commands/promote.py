"""shoploop promote: a person's decision about an alias, checked, compared with what is champion, and written down."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from components.commands.project import check_project

ROOT = Path(".")
ALIASES = ("champion", "challenger", "canary", "shadow")  # tracking.registry.ALIASES, without importing what it imports


@click.command()
@click.argument("version")
@click.option("--reason", required=True, help="Why; it is kept in the history.")
@click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides.")
@click.option("--as", "alias", type=click.Choice(ALIASES), default="champion", show_default=True, help="Which alias.")
@click.option(
    "--expect",
    metavar="VERSION",
    help="Refuse unless this version is champion now ('none': no champion); for the champion only.",
)
def promote(version: str, reason: str, by: str, alias: str, expect: str | None) -> None:
    """Make a registered VERSION the champion; the service follows within seconds.

    Refused, with the reason, unless its gates were passed against the present champion (or it was champion before, or
    --expect names the present one), and its files are those that were registered and answer their golden questions.
    """
    if expect is not None and alias != "champion":
        raise click.UsageError(f"--expect is about the champion that is replaced; --as {alias} replaces none.")
    check_project(ROOT)
    from components.promotion.promotions import AS_IT_IS, Promotions, canary_off
    from components.release.load import load

    promotions = Promotions.of(ROOT)
    failed = canary_off(promotions.registry.version(version))
    if alias != "champion":
        entry = promotions.point(alias, version, by, reason)
    else:
        expected = AS_IT_IS if expect is None else None if expect == "none" else expect
        entry = promotions.promote(version, by, reason, load, expected)
    click.echo(f"{entry}; entry {entry.seq} of the history")
    if entry.note:
        click.echo(f"note: {entry.note}", err=True)
    if failed and alias in ("champion", "canary"):
        click.echo(f"note: as canary it had been switched off: {failed}", err=True)
