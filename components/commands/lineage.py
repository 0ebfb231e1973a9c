"""shoploop lineage: the chain from an artifact, a release or an answer of the service back to the raw files."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.tree import Tree

    from components.steps.lineage import Link

ROOT = Path(".")
LOG_WIDTH = 400  # letters; a log has no edge to wrap at
BROKEN = 1  # exit code where a link does not hold


@click.command()
@click.argument("name", metavar="ARTIFACT|VERSION|DIGEST|REQUEST_ID")
def lineage(name: str) -> None:
    """Print the chain from an ARTIFACT's path, a release's VERSION or DIGEST, or the REQUEST_ID of an answer of
    the service, which stands in it and in the log, back to the raw files.

    Every digest on the way is checked; the command leaves with 1 if a link is broken or stale.
    """
    from rich.console import Console

    from components.steps.lineage import artifact_lineage

    link = artifact_lineage(ROOT, name, _run_finder()) if (ROOT / name).exists() else _of_service(name)
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=LOG_WIDTH)
    console.print(_tree(link))
    troubled = link.troubled()
    if troubled:
        console.print(f"{len(troubled)} links do not hold: {', '.join(t.title for t in troubled)}", markup=False)
        raise SystemExit(BROKEN)
    console.print("every link holds")


def _of_service(name: str) -> Link:
    """The chain of a logged answer or of a registered release."""
    from components.core import layout
    from components.online.address import URL_VARIABLE, store_here
    from components.steps.answer_lineage import answer_lineage, logged
    from components.steps.release_lineage import release_lineage
    from components.tracking.registry import ModelRegistry

    folder = Path(os.environ.get("SHOPLOOP_STATE") or ROOT / layout.STATE)
    asked = URL_VARIABLE in os.environ or (folder / layout.SERVICE_DATABASE).is_file()
    rows = logged(store_here(folder), name) if asked else []
    registry = ModelRegistry(root=ROOT)
    if rows:
        return answer_lineage(ROOT, registry, rows, _run_finder())
    return release_lineage(ROOT, registry, name, _run_finder())


def _tree(link: Link, tree: Tree | None = None) -> Tree:
    from rich.markup import escape
    from rich.tree import Tree

    words = [f"[bold]{escape(link.title)}[/bold]", *map(escape, link.facts)]
    words += [f"[red]! {escape(link.trouble)}[/red]"] if link.trouble else []
    branch = Tree("\n".join(words)) if tree is None else tree.add("\n".join(words))
    for source in link.sources:
        _tree(source, branch)
    return branch


def _run_finder() -> Callable[[str], str | None]:
    """Looks an execution up in MLflow; a registry that does not answer costs the run's id, not the chain."""
    from components.core.errors import RegistryError
    from components.tracking import location, runs

    @cache
    def find(execution: str) -> str | None:
        try:
            return runs.find(execution, ROOT)
        except RegistryError:
            return None

    if "MLFLOW_TRACKING_URI" not in os.environ and not (ROOT / location.DATABASE).exists():
        return lambda _: None  # asking would make the database
    return find
