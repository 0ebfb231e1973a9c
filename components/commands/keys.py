"""shoploop keys: who may call the service, for what, and how often."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

ROOT = Path(".")
SCOPES = ("recommend", "events", "admin")
SHOWN_ONCE = "This is the only time the key is shown; only its hash is kept."


@click.group()
def keys() -> None:
    """API keys of the service. It asks for one as soon as it listens on more than loopback."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="Repeatable.")
@click.option("--rate", default=100.0, show_default=True, help="Requests per second, over time.")
@click.option("--burst", default=200, show_default=True, help="Requests at once.")
def add(name: str, scopes: tuple[str, ...], rate: float, burst: int) -> None:
    """Make a key for NAME and print it, once."""
    from components.core.api_keys import add_key

    record, key = add_key(_file(), name, tuple(dict.fromkeys(scopes)), _now(), rate, burst)
    click.echo(f"key {record.id} for {record.name}: {', '.join(record.scopes)}. {SHOWN_ONCE}", err=True)
    click.echo(key)


@keys.command("list")
def list_keys() -> None:
    """Name every key, without the keys."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    from components.core.api_keys import read_keys

    whole = Column("id", no_wrap=True)  # `revoke` wants all of it, in a narrow window too
    out = Table(whole, "name", "scopes", "per second", "at once", "made", "revoked")
    found = read_keys(_file())
    for key in found:
        row = (key.id, escape(key.name), ", ".join(key.scopes), f"{key.rate:g}", str(key.burst), key.created)
        out.add_row(*row, key.revoked or "–")
    if found:
        Console().print(out)
    else:
        click.echo("no keys yet; `shoploop keys add NAME --scope recommend` makes one")


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Take the key KEY_ID back; running services refuse it within a second."""
    from components.core.api_keys import revoke_key

    record = revoke_key(_file(), key_id, _now())
    click.echo(f"key {record.id} of {record.name} is revoked since {record.revoked}")


def _file() -> Path:
    from components.core import layout
    from components.core.api_keys import KEYS_FILE

    return Path(os.environ.get("SHOPLOOP_STATE") or ROOT / layout.STATE) / KEYS_FILE


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
