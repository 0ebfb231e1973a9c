"""shoploop history: who moved the champion, when and why; whether the chain holds; whether all agree on it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from components.promotion.history import Entry, History
    from components.tracking.registry import Standing

ROOT = Path(".")
BROKEN = 1  # exit code where the chain does not hold, or not all agree
ANSWERS_WITHIN_S = 2.0
LARGEST_ANSWER = 1_000_000
SHORT = 12  # letters of a hash that are shown


@click.command()
@click.option("--verify", is_flag=True, help="Check every hash, the registry's copy of the last one, and the gates.")
@click.option("--service", metavar="URL", help="Which service to ask what it serves; the one of `make up` by default.")
def history(verify: bool, service: str | None) -> None:
    """Tell every promotion, rollback and refusal: when, which version, by whom and why.

    Says so where the registry's alias, this history and the service do not agree. With --verify the command leaves with
    1 if the chain is broken or they disagree.
    """
    from components.core.errors import RegistryError
    from components.promotion.history import History, trouble
    from components.promotion.promotions import ANCHOR_NOTE
    from components.tracking.registry import ModelRegistry

    known = History(ROOT)
    entries = known.entries()
    for entry in entries:
        click.echo(f"{entry.seq:>4}  {entry.at[:19]}Z  {entry}: {entry.reason}  [{entry.hash[:SHORT]}]")
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
    served = _served(address)
    if served is None:
        click.echo(f"no service answered at {address}: what it serves is not compared", err=service is not None)
        served = alias
    else:
        click.echo(f"registry: {alias or 'none'}, history: {recorded or 'none'}, service: {served}")
    doubt = disagreement(alias, recorded, served)
    return [doubt] if doubt else []


def _changes(entries: list[Entry], registry: object) -> list[str]:
    from components.promotion.standing import changed_since

    return changed_since(entries, {version.version: version for version in registry.versions()})


def _served(address: str) -> str | None:
    """The version a service answers with; None where nothing answers."""
    if not address.startswith(("http://", "https://")):
        raise click.BadParameter("an address begins with http:// or https://", param_hint="--service")
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/release", timeout=ANSWERS_WITHIN_S) as answer:  # noqa: S310
            return str(json.loads(answer.read(LARGEST_ANSWER)).get("version"))
    except (urllib.error.URLError, OSError, ValueError, AttributeError):
        return None
