"""`shoploop use`: start a shop from its params file."""

from __future__ import annotations

from pathlib import Path

import click

from components.core import layout
from components.core.config import parse, read_params

ROOT = Path(".")


@click.command()
@click.argument("params", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Let other files that lie in data/ go.")
def use(params: Path, replace: bool) -> None:
    """Start a shop: check PARAMS, bring its data into data/, pin them, write params.yaml and dvc.yaml.

    PARAMS may be short: what it lacks is filled with defaults and written below it. `make run` does the rest.
    """
    from components.commands.sources import SECTION, tell
    from components.data.source import SourceChoice
    from components.steps import shop

    values = read_params(params)
    source = parse(SourceChoice, values.get(SECTION), f"{params}: {SECTION}").open()
    tell(source, params)
    done = shop.use(params.read_text(encoding="utf-8"), source, ROOT, replace=replace)
    click.echo(
        f"data/: {done.files} files, {done.size / 1e6:.1f} MB, "
        f"{'there already' if done.kept else 'brought in'} and pinned in data.dvc ({done.digest}).\n"
        f"params.yaml and dvc.yaml are written; commit them with data.dvc{_and_privacy()}, then `make run`."
    )


def _and_privacy() -> str:
    made = "" if (ROOT / layout.PRIVACY).is_file() else ", once the first run has made it"
    return f" and {layout.PRIVACY} (which key made the pseudonyms{made})"
