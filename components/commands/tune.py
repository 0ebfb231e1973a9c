"""`shoploop tune`: search options of models on the validation fold, with the same budget for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from components.core.command_line import LARGEST_SEED, MINUTES, density_options

ROOT = Path(".")


@click.command()
@click.option("--data", "path", required=True, type=click.Path(exists=True, path_type=Path),
              help="Folder or file of sequences, canonical tables (artifacts/clean), or a params.yaml.")  # fmt: skip
@click.option("--protocol", required=True, help="temporal, leave-last-out, leave-last-basket or sessions.")
@click.option("--models", default="all", show_default=True, help="all, or names separated by commas.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder of what is found; a search that was interrupted there goes on.")  # fmt: skip
@click.option("--params", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="YAML with a `models:` section: where the search begins, in the place of presets.")  # fmt: skip
@click.option("--minutes", default=10.0, show_default=True, type=MINUTES, help="Of the wall, for each model.")
@click.option("--trials", default=30, show_default=True, type=click.IntRange(1, 10_000), help="Of each model, at most.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0, LARGEST_SEED),
              help="Of the models and the search.")  # fmt: skip
@click.option("--k", default=10, show_default=True, type=click.IntRange(1, 1000), help="Length of the lists.")
@click.option("--repeats", is_flag=True, help="Judge lists of all items, bought ones too; else of new items.")
@density_options
def tune(path: Path, models: str, out: Path, params: Path | None, **options: Any) -> None:
    """Search options on the validation fold; the test fold is never asked.

    Writes params.yaml, for `shoploop benchmark --params`, and tune.json to the folder --out. Every trial is a run in
    MLflow. The line as it stands is tried first, and kept where nothing better is found.
    """
    from components.benchmark import material as materials
    from components.benchmark import roster
    from components.benchmark.protocols import DENSITY_OPTIONS
    from components.benchmark.run import BenchmarkConfig
    from components.benchmark.tune import Lines
    from components.benchmark.tune import tune as search
    from components.benchmark.tuning import TuneConfig
    from components.core.config import parse
    from components.core.memory import allowed_gb

    allowed_gb()  # refuses a limit that is none, before anything is read
    budget = {name: options.pop(name) for name in ("minutes", "trials", "seed")}
    density = {name: options.pop(name) for name in DENSITY_OPTIONS}
    options["density"] = {name: value for name, value in density.items() if value is not None}
    asked = parse(BenchmarkConfig, options | {"validation": True}, "tune")
    config = parse(TuneConfig, budget, "tune")
    material = materials.recognise(path)
    lines, names = roster.chosen(models, params, timed=material.has_times)
    names, left_out = roster.searchable(lines, names, repeats=asked.repeats)
    chosen = Lines(lines, names, left_out)
    report = search(asked, config, material, chosen, out, ROOT, lambda line: click.echo(line, err=True))
    _show(report, asked.k, out)


def _show(report: dict[str, Any], k: int, out: Path) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    columns = ("model", "trials", f"NDCG@{k} as it stood", f"best NDCG@{k}", "best options")
    closing = Table(*columns, title=f"{report['data']}, validation fold", title_justify="left")
    for name, model in sorted(report["models"].items(), key=lambda pair: -_ndcg(pair[1]["best"])):
        best = model["best"]
        words = ", ".join(f"{option} {_short(value)}" for option, value in best["params"].items()) or "defaults"
        words = model["note"] or words
        stood = model["trials"][0]
        closing.add_row(name, str(len(model["trials"])), f"{_ndcg(stood):.4f}", f"{_ndcg(best):.4f}", escape(words))
    console.print(closing)
    for name, reason in report["left_out"].items():
        console.print(f"[yellow]left out[/yellow]: {escape(name)}: {escape(reason)}")
    console.print(f"{out / 'params.yaml'}, {out / 'tune.json'}", markup=False)


def _ndcg(tried: dict[str, Any]) -> float:
    return tried["figures"].get("ndcg", 0.0)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
