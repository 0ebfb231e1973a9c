"""`shoploop expect`: draft a suite from a good snapshot."""

from __future__ import annotations

from pathlib import Path

import click

from components.core import layout

ROOT = Path(".")
FOLDERS = {"validated": layout.VALIDATED, "clean": layout.CLEAN}


@click.group()
def expect() -> None:
    """Suites of expectations."""


@expect.command()
@click.argument("table")
@click.option(
    "--from",
    "state",
    default="validated",
    show_default=True,
    type=click.Choice([*FOLDERS]),
    help="The state of the table to draft from.",
)
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write  [default: expectations/<source>.<table>.json]",
)
@click.option("--replace", is_flag=True, help="Write over a file that is there.")
def suggest(table: str, state: str, to: Path | None, replace: bool) -> None:
    """Draft the suite of TABLE from the data as they are, for you to edit.

    The draft is marked; no run goes on before you read it, correct it and delete the line `draft`.
    """
    from components.core.config import PARAMS_FILE, read_params
    from components.steps.drafting import suggest as draft
    from components.steps.runner import find_step, read_config

    params = read_params(ROOT / PARAMS_FILE)
    config = read_config(find_step("validate", params), params)
    path, suite = draft(config, ROOT, table, FOLDERS[state], to, replace=replace)
    for rule in suite["expectations"]:
        click.echo(f"{rule['meta']['outcome']:<10}  {rule['meta']['words']}")
    click.echo(f"{path}: {len(suite['expectations'])} rules, a draft; edit it, then delete its line `draft`")
