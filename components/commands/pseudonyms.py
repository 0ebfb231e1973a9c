"""shoploop pseudonyms: the key that makes them, shown by its fingerprint, rotated, or accepted as it is."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

ROOT = Path(".")
NEXT = "the next `make run` makes all pseudonyms, features, models and the release anew"


@click.group()
def pseudonyms() -> None:
    """The key of the pseudonyms."""


@pseudonyms.command()
def show() -> None:
    """Say which key is here, which one made the project's pseudonyms, and how many people were forgotten."""
    from components.core import layout
    from components.core.privacy import read_privacy
    from components.core.pseudonyms import find_key, retired_keys

    record, key = read_privacy(ROOT), find_key(ROOT / layout.STATE)
    click.echo(f"key here: {key.fingerprint if key else 'none'}")
    click.echo(f"pseudonyms made with: {record.key_fingerprint or 'none yet'}")
    click.echo(f"retired keys kept: {', '.join(k.fingerprint for k in retired_keys(ROOT / layout.STATE)) or 'none'}")
    click.echo(f"people forgotten: {sum(map(len, record.forgotten.values()))}")


@pseudonyms.command()
def rotate() -> None:
    """Put the key file aside and make a new key; the old one is kept to recognise those who were forgotten."""
    from components.core import layout
    from components.core.errors import ConfigError
    from components.core.privacy import read_privacy, settle_key, write_privacy
    from components.core.pseudonyms import KEY_VARIABLE, make_key, retire_key

    if os.environ.get(KEY_VARIABLE):
        raise ConfigError(
            f"{KEY_VARIABLE} holds the key: keep the old one as {layout.STATE}/pseudonym.<its fingerprint>.key, set "
            "the new one, then `shoploop pseudonyms accept`."
        )
    old = settle_key(ROOT)
    retire_key(ROOT / layout.STATE)
    new = make_key(ROOT / layout.STATE)
    write_privacy(ROOT, replace(read_privacy(ROOT), key_fingerprint=new.fingerprint))
    click.echo(f"key {old.fingerprint} retired, {new.fingerprint} in use: {NEXT}")


@pseudonyms.command()
def accept() -> None:
    """Note the key that is here, found or made, as the project's."""
    from components.core import layout
    from components.core.privacy import read_privacy, write_privacy
    from components.core.pseudonyms import find_key, make_key

    key = find_key(ROOT / layout.STATE) or make_key(ROOT / layout.STATE)
    write_privacy(ROOT, replace(read_privacy(ROOT), key_fingerprint=key.fingerprint))
    click.echo(f"{key.fingerprint} is the project's key: {NEXT}")
