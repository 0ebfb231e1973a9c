"""`shoploop benchmark`: compare models on any data under a declared protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.core.command_line import LARGEST_SEED, MINUTES, MOST_SEEDS, density_options

if TYPE_CHECKING:
    from components.benchmark.run import BenchmarkConfig

LOG_WIDTH = 200  # letters; a log has no edge to wrap at


@click.command()
@click.option("--data", "path", required=True, type=click.Path(exists=True, path_type=Path),
              help="Folder or file of sequences, canonical tables (artifacts/clean), or a params.yaml.")  # fmt: skip
@click.option("--protocol", required=True, help="temporal, leave-last-out, leave-last-basket or sessions.")
@click.option("--models", default="all", show_default=True, help="all, or names separated by commas.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the report and lists; what is done there already is not done again.")  # fmt: skip
@click.option("--params", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="YAML with a `models:` section; its lines replace presets of the same names.")  # fmt: skip
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, MOST_SEEDS), help="Runs of every model.")
@click.option("--first-seed", default=7, show_default=True, type=click.IntRange(0, LARGEST_SEED - MOST_SEEDS),
              help="The first of them.")  # fmt: skip
@click.option("--minutes-per-model", default=30.0, show_default=True, type=MINUTES,
              help="A model that takes longer is ended; a ranker, fitted twice, has twice that.")  # fmt: skip
@click.option("--k", default=10, show_default=True, type=click.IntRange(1, 1000), help="Length of the lists.")
@click.option("--repeats", is_flag=True, help="Keep bought items in the lists: two views, all items and new ones.")
@click.option("--validation", is_flag=True, help="Ask the validation fold instead: to choose options by.")
@click.option("--lists", multiple=True, metavar="FILE.parquet=NAME", help="Another system's lists, as one more line.")
@density_options
def benchmark(
    path: Path, protocol: str, models: str, out: Path, params: Path | None, lists: tuple[str, ...], **options: Any
) -> None:
    """Compare models on data: full-catalogue ranking, intervals, costs, and lists that anyone can measure again.

    Writes report.json, report.md, report.html, lists/<model>.parquet and relevant.parquet to the folder --out.
    """
    from components.benchmark import material as materials
    from components.benchmark import roster
    from components.benchmark.run import Roster, run
    from components.core.memory import allowed_gb

    allowed_gb()  # refuses a limit that is none, before anything is read
    config = _config(protocol, options)
    material = materials.recognise(path)
    specs, names = roster.chosen(models, params, timed=material.has_times)
    unable = roster.able(specs, names, repeats=config.repeats)
    foreign = _foreign(lists, names)
    told, wanted = roster.told_of(params, timed=material.has_times), models if models == roster.ALL else ",".join(names)
    entrants = Roster(specs, names, unable, foreign, told, wanted)
    report = run(config, material, entrants, out, lambda line: click.echo(line, err=True))
    _show(report, out)


def _config(protocol: str, options: dict[str, Any]) -> BenchmarkConfig:
    from components.benchmark.protocols import DENSITY_OPTIONS
    from components.benchmark.run import BenchmarkConfig
    from components.core.config import parse

    density = {name: options.pop(name) for name in DENSITY_OPTIONS}
    values = options | {"protocol": protocol, "minutes": options.pop("minutes_per_model")}
    values.pop("minutes_per_model", None)
    values["density"] = {name: value for name, value in density.items() if value is not None}
    return parse(BenchmarkConfig, values, "benchmark")


def _foreign(given: tuple[str, ...], taken: list[str]) -> dict[str, Path]:
    from components.core.errors import ConfigError

    found: dict[str, Path] = {}
    for text in given:
        file, _, name = text.rpartition("=")
        if not file or not name or name in taken or name in found:
            raise ConfigError(f"--lists {text}: give FILE.parquet=NAME, with a name that no model and no other has.")
        if not Path(file).is_file():
            raise ConfigError(f"--lists {text}: no such file: {file}.")
        found[name] = Path(file)
    return found


def _show(report: dict[str, Any], out: Path) -> None:
    """The closing table, best first, and where everything lies."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from components.benchmark import text

    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=LOG_WIDTH)
    for view in report["asked"]["views"]:
        columns, rows = text.table(report, view)
        closing = Table(title=f"{text.title(report)}, {text.VIEW_WORDS[view]}", title_justify="left")
        for at, column in enumerate(columns):
            closing.add_column(column, justify="right" if at else "left", no_wrap=at == 0)
        for row in rows:
            closing.add_row(*map(escape, row))
        console.print(closing)
    for line in text.left_out_sentences(report):
        console.print(escape(line))
    for line in text.remarks(report):
        console.print(f"[yellow]remark[/yellow]: {escape(line)}")
    for line in text.absent(report):
        console.print(f"[yellow]not in the table[/yellow]: {escape(line)}")
    console.print(
        f"{out / 'report.html'}, {out / 'report.md'}, {out / 'report.json'}; lists in {out / 'lists'}/", markup=False
    )
