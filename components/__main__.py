"""The command line: `python -m components` or `shoploop`. Each command imports what it needs, so that help is quick."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click

from components.core import environment
from components.core.command_line import PlainErrors, run_and_leave
from components.core.config import PARAMS_FILE, read_params

ROOT = Path(".")


# Command → where it lives and what --help says of it.
LATER: dict[str, tuple[str, str]] = {
    "benchmark": ("components.commands.benchmark:benchmark", "Compare models on any data under a declared protocol."),
    "expect": ("components.commands.expect:expect", "Draft a suite of expectations from a good snapshot."),
    "forget": ("components.commands.forget:forget", "Remove a person from data, artifacts and the online store."),
    "history": ("components.commands.history:history", "Tell every promotion and rollback; --verify checks the chain."),
    "keys": ("components.commands.keys:keys", "API keys of the service: add, list, revoke."),
    "lineage": ("components.commands.lineage:lineage", "Print the chain from an artifact or release to the raw files."),
    "promote": ("components.commands.promote:promote", "Make a registered version the champion, with a reason."),
    "pseudonyms": ("components.commands.pseudonyms:pseudonyms", "The key of the pseudonyms: show, rotate, accept."),
    "quarantine": ("components.commands.quarantine:quarantine", "Rows set aside: list, explain, re-admit them."),
    "search": ("components.commands.search:search", "Search over items: build an index, ask it, judge it."),
    "rollback": ("components.commands.rollback:rollback", "Make the previous champion the champion again."),
    "snapshot": ("components.commands.snapshot:snapshot", "Bring a new day's file in; list the files there are."),
    "sources": ("components.commands.sources:sources", "List the sources of data; say what one would read."),
    "state": ("components.commands.state:state", "What the service keeps of events and answers: prune it."),
    "tune": ("components.commands.tune:tune", "Search options of models on the validation fold."),
    "use": ("components.commands.use:use", "Start a shop: check a params file, bring its data in and pin them."),
}


@click.group(cls=PlainErrors, later=LATER)
def main() -> None:
    """Close the loop of a shop's recommender. Run it from the project's folder."""
    environment.prepare()


@main.command()
@click.argument("step")
def run(step: str) -> None:
    """Run one STEP now, whether it is up to date or not (`dvc repro STEP` asks first)."""
    from components.steps import runner

    if os.environ.get(environment.PARENT_RUN):
        threading.Thread(target=_end_with_the_flow, daemon=True).start()
    receipt = runner.run(step, ROOT)
    click.echo(f"{step}: {receipt.summary} ({receipt.seconds:.1f} s, {receipt.peak_mb:.0f} MB)")


@main.command()
def steps() -> None:
    """List the steps in the order in which they run."""
    from components.steps.table import table

    rows = table(read_params(ROOT / PARAMS_FILE)).values()
    width = max(len(step.name) for step in rows)
    for step in rows:
        click.echo(f"{step.name:<{width}}  {step.description}")


@main.command("dvc-yaml")
@click.option("--write", is_flag=True, help="Replace dvc.yaml.")
@click.option("--check", is_flag=True, help="Fail unless dvc.yaml is up to date.")
def dvc_yaml(write: bool, check: bool) -> None:
    """Print dvc.yaml as the table of steps gives it."""
    from components.core.bundle import write_text
    from components.steps import dvc_file

    if check:
        dvc_file.check(ROOT)
    elif write:
        write_text(ROOT / dvc_file.DVC_FILE, dvc_file.render(ROOT))
    else:
        click.echo(dvc_file.render(ROOT), nl=False)


@main.command()
@click.option("--write", is_flag=True, help="Replace docs/catalogue.md.")
@click.option("--check", is_flag=True, help="Fail unless docs/catalogue.md is up to date.")
def catalogue(write: bool, check: bool) -> None:
    """Print the catalogue of components, from their own docstrings."""
    from components.core.bundle import write_text
    from components.steps import catalogue as pages

    if check:
        pages.check(ROOT)
    elif write:
        write_text(ROOT / pages.CATALOGUE_FILE, pages.render(ROOT))
    else:
        click.echo(pages.render(ROOT), nl=False)


@main.command()
def release() -> None:
    """Say which release is champion, which is challenger, and what their gates said."""
    from components.commands.project import check_project
    from components.tracking.registry import GATE_TAG, ModelRegistry

    check_project(ROOT)
    registry = ModelRegistry(root=ROOT)
    versions = registry.versions()
    if not versions:
        click.echo("no release is registered yet; `make run` registers the first")
    aliases = registry.aliases()
    for version in versions:
        names = ", ".join(alias for alias, at in sorted(aliases.items()) if at == version.version)
        click.echo(f"version {version.version}  gate: {version.tags.get(GATE_TAG, 'none')}  {names}".rstrip())


def _end_with_the_flow() -> None:
    """End this process when the flow that started it is gone: it holds the other end of our standard input.

    Without this a flow killed with -9 leaves a step behind, which blocks its own successor.
    """
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    run_and_leave(main)
