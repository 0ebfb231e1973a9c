"""shoploop history: who moved the champion, when and why; whether the chain holds; whether all agree on it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.commands.project import check_project

if TYPE_CHECKING:
    from components.promotion.history import Entry, History
    from components.tracking.registry import Standing

ROOT = Path(".")
BROKEN = 1  # exit code where the chain does not hold, or not all agree
ANSWERS_WITHIN_S = 2.0
LARGEST_ANSWER = 1_000_000
SHORT = 12  # letters of a hash that are shown
KEY_VARIABLE = "SHOPLOOP_SERVICE_KEY"  # a key of the service's with the scope admin
REFUSALS = {
    401: f" and asks for a key: put one with the scope admin into {KEY_VARIABLE}",
    403: f": the key in {KEY_VARIABLE} has no scope admin",
    404: ": it has an admin port, and tells there; name it: --service http://HOST:ADMIN_PORT",
    421: ": it does not go by that name; SHOPLOOP_HOSTS of the service says which it answers to",
    429: ": its key came too often; again in a while",
}


@click.command()
@click.option("--verify", is_flag=True, help="Check every hash, the registry's copy of the last one, and the gates.")
@click.option(
    "--service",
    metavar="URL",
    help="Which service to ask what it serves: the one of `make up` by default, or an admin port.",
)
def history(verify: bool, service: str | None) -> None:
    """Tell every promotion, rollback and refusal: when, which version, by whom and why.

    Says so where the registry's alias, this history and the service do not agree. With --verify the command leaves with
    1 if the chain is broken or they disagree. A service that asks for a key takes the one in SHOPLOOP_SERVICE_KEY.
    """
    check_project(ROOT)
    from components.core.errors import RegistryError
    from components.promotion.history import History, one_line, trouble
    from components.promotion.promotions import ANCHOR_NOTE
    from components.tracking.registry import ModelRegistry

    known = History(ROOT)
    entries = known.entries()
    for entry in entries:
        click.echo(f"{entry.seq:>4}  {entry.at[:19]}Z  {entry}: {one_line(entry.reason)}  [{entry.hash[:SHORT]}]")
    if not entries:
        click.echo("nothing was promoted yet")
    problems = []
    try:
        registry = ModelRegistry(root=ROOT)
        standing = registry.standing()
        problems += _doubts(known, standing, service)
        broken = trouble(entries, standing.notes.get(ANCHOR_NOTE))
        if verify:
            problems += _changes(entries, registry)
    except RegistryError as e:
        broken = trouble(entries)
        problems.append(f"the registry was not asked: {e}")
    _close(entries, broken, problems, verify=verify)


def _close(entries: list[Entry], broken: str | None, problems: list[str], *, verify: bool) -> None:
    if broken:
        problems.insert(0, f"the chain is broken: {broken}")
    elif verify:
        click.echo(f"the chain holds: {len(entries)} entries")
    for problem in problems:
        click.echo(f"! {problem}", err=True)
    if problems and verify:
        raise SystemExit(BROKEN)


def _doubts(known: History, standing: Standing, service: str | None) -> list[str]:
    from components.promotion.standing import disagreement
    from components.tracking.registry import CHAMPION

    alias, recorded = standing.aliases.get(CHAMPION), known.champion()
    address = service or f"http://127.0.0.1:{os.environ.get('SHOPLOOP_SERVICE_PORT') or 3000}"
    served, silence = _served(address, os.environ.get(KEY_VARIABLE, ""))
    if silence is not None:
        click.echo(f"{silence}: what it serves is not compared", err=service is not None)
        served = alias
    else:
        click.echo(f"registry: {alias or 'none'}, history: {recorded or 'none'}, service: {served or 'none'}")
    doubt = disagreement(alias, recorded, served)
    return [doubt] if doubt else []


def _changes(entries: list[Entry], registry: object) -> list[str]:
    from components.promotion.standing import changed_since

    return changed_since(entries, {version.version: version for version in registry.versions()})


def _served(address: str, key: str) -> tuple[str | None, str | None]:
    """The version a service answers with, and why it did not tell, in words; None where it did."""
    if not address.startswith(("http://", "https://")):
        raise click.BadParameter("an address begins with http:// or https://", param_hint="--service")
    request = urllib.request.Request(f"{address.rstrip('/')}/release")  # noqa: S310
    if key:
        request.add_unredirected_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN_S) as answer:  # noqa: S310
            version = json.loads(answer.read(LARGEST_ANSWER)).get("version")
    except urllib.error.HTTPError as e:
        return None, f"{address} answered {e.code}{REFUSALS.get(e.code, '')}"
    except (urllib.error.URLError, OSError, ValueError, AttributeError):
        return None, f"no service answered at {address}"
    return (None if version is None else str(version)), None
