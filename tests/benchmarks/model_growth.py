"""How a fit's cost grows with events, users and items: `python -m tests.benchmarks.model_growth [--small]`.

Made-up shops: items as popular as the words of a language (Zipf), users with as many events as chance gives them, one
event a day. Each fit runs in a process of its own, whose CPU seconds and largest memory beyond the data are told,
beside the memory that the model foretold; one that fails or takes longer than --minutes says so. Sizes that stand in
--out already are kept. --page writes docs/model-growth.md from files of results, and fits nothing.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from tests.benchmarks.tables import print_table

FAST = ("popularity", "item_knn", "item_transition", "als")
# Sweep → sizes (events, users, items): one grows, the others stay; with events the users grow as well, as in a shop.
SWEEPS = {
    "events": [(n, n // 20, 20_000) for n in (100_000, 1_000_000, 10_000_000)],
    "users": [(1_000_000, n, 20_000) for n in (10_000, 50_000, 250_000)],
    "items": [(1_000_000, 50_000, n) for n in (5_000, 20_000, 100_000)],
    "epochs": [(n, n // 20, 20_000) for n in (100_000, 1_000_000, 10_000_000)],
}
SMALL = {
    "events": [(n, n // 20, 2_000) for n in (20_000, 60_000, 200_000)],
    "users": [(50_000, n, 2_000) for n in (1_000, 3_000, 10_000)],
    "items": [(50_000, 2_500, n) for n in (500, 2_000, 8_000)],
    "epochs": [(n, n // 20, 2_000) for n in (20_000, 60_000, 200_000)],
}
GROWING = {"events": 0, "users": 1, "items": 2, "epochs": 0}
TITLES = {"epochs": "one epoch of deep models, events growing"}
OPTIONS = {"half_life_days": None}  # where a model has it
# Of deep models: one epoch, with nothing kept back to judge it by, and no clock.
ONE_EPOCH = {"epochs": 1, "trend_days": None, "max_minutes": 600}
DEEP = "components.deep."
PAGE = Path("docs/model-growth.md")
HEADER = """# What a fit costs as a shop grows

Tables and plots below are made by `python -m tests.benchmarks.model_growth --page <results.json> …`; the results by
the command above each table. Made-up shops (Zipf items, an event a day), one thread of 2 shared cores. A cell: CPU
seconds of the fit, and the megabytes it took at its largest beyond Python and the data, with those that the model
foretold before it began ([decision 35](decisions/0035-full-softmax-shrinkage-memory.md)); of deep models after the
start of TensorFlow. A ranker costs what its members do, on each of two folds, and
trees of at most `most_users` users, so that these cease to grow; a fusion costs what its members do.
"""


def shop(events: int, users: int, items: int):
    """A made-up dataset; the same for the same sizes."""
    from components.core.dataset import DAY_S, Dataset
    from components.core.vocabulary import Vocabulary

    draw = np.random.default_rng([events, users, items])
    user = np.sort(draw.integers(users, size=events, dtype=np.int32))
    starts = np.flatnonzero(np.diff(user, prepend=-1))
    place = np.arange(events) - np.repeat(starts, np.diff(np.append(starts, events)))
    weight = 1 / np.arange(1, items + 1) ** 0.9
    item = np.searchsorted(np.cumsum(weight / weight.sum()), draw.random(events)).clip(max=items - 1).astype(np.int32)
    times = (place + 1) * DAY_S
    ids = (
        Vocabulary(np.char.add(kind, np.char.zfill(np.arange(n).astype(str), 9)))
        for kind, n in (("u", users), ("i", items))
    )
    return Dataset.in_order(*ids, user, draw.permutation(items).astype(np.int32)[item], times, int(times.max()) + 1)


def child(model: str, size: tuple[int, int, int]) -> None:
    """Fit once and print the cost as JSON."""
    from components.benchmark.fits import measured, peak_mb
    from components.core import rng
    from components.core.registry import MODELS

    data = shop(*size)
    cls = MODELS.get(model)
    if cls.__module__.startswith(DEEP):
        importlib.import_module("tensorflow")  # its start is not the fit's
    before = peak_mb()
    fields, given = cls.Config.model_fields, OPTIONS | (ONE_EPOCH if cls.__module__.startswith(DEEP) else {})
    given |= {"best_by": "last"} if "best_by" in fields else {"validation_share": 0}  # nothing is kept back
    options = {name: value for name, value in given.items() if name in fields}
    fresh = cls(cls.Config(**options))
    foretold = sum(part.bytes for part in fresh.memory(data)) / 1e6
    with measured() as cost:
        fresh.fit(data, rng.stream(7, "growth", model))
    told = {"cpu": cost.cpu_seconds, "wall": cost.seconds, "peak_mb": cost.peak_mb}
    print(json.dumps(told | {"data_mb": before, "foretold_mb": foretold}))


def run(model: str, size: tuple[int, int, int], minutes: float) -> dict[str, Any]:
    """The cost of one fit, from a process of its own, or why there is none."""
    command = [sys.executable, "-m", "tests.benchmarks.model_growth", "child", model, *map(str, size)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60 * minutes)
    except subprocess.TimeoutExpired:
        return {"reason": f"ended after {minutes:g} minutes"}
    except subprocess.CalledProcessError as e:
        return {"reason": (e.stderr.strip().splitlines() or [f"ended with {e.returncode}"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


@click.command()
@click.option("--models", default=",".join(FAST), show_default=True)
@click.option("--small", is_flag=True, help="Small sizes: a look in two minutes, not a result.")
@click.option("--sweeps", default="events,users,items", show_default=True, help="Or epochs, for deep models.")
@click.option("--minutes", default=10.0, show_default=True, help="Of the wall, for one fit.")
@click.option(
    "--page", "results", multiple=True, type=click.Path(exists=True, path_type=Path), help="Files of results."
)
@click.option("--out", default="model_growth.json", show_default=True, type=click.Path(path_type=Path))
def main(models: str, small: bool, sweeps: str, minutes: float, results: tuple[Path, ...], out: Path) -> None:
    """Fit, print, keep and plot."""
    from components.core.registry import MODELS

    deep = [name for name in models.split(",") if MODELS.get(name).__module__.startswith(DEEP)]
    if (sweeps == "epochs") != bool(deep) or len(deep) not in {0, len(models.split(","))}:
        raise click.UsageError("deep models have a sweep of their own, --sweeps epochs, and no others have it.")
    if results:
        write_page(models.split(","), sweeps.split(","), minutes, results)
        return
    found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    sizes = {name: (SMALL if small else SWEEPS)[name] for name in sweeps.split(",")}
    for sweep, steps in sizes.items():
        for model in models.split(","):
            for size in steps:
                key = f"{model} {' '.join(map(str, size))}"
                found[key] = found.get(key) or run(model, size, minutes)
                out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
                print(sweep, key, found[key], file=sys.stderr, flush=True)
    for sweep, steps in sizes.items():
        show(sweep, models.split(","), steps, found)
        plot(sweep, models.split(","), steps, found, out.with_name(f"{out.stem}_{sweep}.png"))


def write_page(models: list[str], sweeps: list[str], minutes: float, results: tuple[Path, ...]) -> None:
    """A table for each sweep in docs/model-growth.md, whose other sections stay, and the plots beside it.

    minutes  that a fit had where the results were made: a part of the command that the page tells
    """
    from components.benchmark.text import markdown_table

    heads = {sweep: f"## {TITLES.get(sweep, f'{sweep} growing')}" for sweep in SWEEPS}
    written = PAGE.read_text(encoding="utf-8").rstrip() if PAGE.is_file() else ""
    sections = {f"## {part.splitlines()[0]}": f"## {part.rstrip()}" for part in written.split("\n## ")[1:]}
    found = {key: cost for path in results for key, cost in json.loads(path.read_text(encoding="utf-8")).items()}
    for sweep in sweeps:
        steps = SWEEPS[sweep]
        picture = PAGE.with_name(f"model_growth_{sweep}.png")
        plot(sweep, models, steps, found, picture)
        options = f"--sweeps {sweep} --models {','.join(models)} --minutes {minutes:g}"
        command = f"`python -m tests.benchmarks.model_growth {options}`"
        sizes = "; ".join(f"{e:,} events of {u:,} users and {i:,} items" for e, u, i in steps)
        rows = markdown_table(*table(sweep, models, steps, found))
        head = heads[sweep]
        parts = [head, command, f"{sizes}.", rows, f"![{head.removeprefix('## ')}]({picture.name})"]
        sections[head] = "\n\n".join(parts)
    in_order = [*heads.values(), *(head for head in sections if head not in heads.values())]
    parts = [HEADER.rstrip(), *(sections[head] for head in in_order if head in sections)]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def show(sweep: str, models: list[str], steps: list[tuple[int, int, int]], found: dict[str, Any]) -> None:
    """CPU seconds and memory by size, and how much the cost grew from the smallest to the largest size."""
    print_table(f"Cost of a fit, {sweep} growing", *table(sweep, models, steps, found))


def table(
    sweep: str, models: list[str], steps: list[tuple[int, int, int]], found: dict[str, Any]
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Columns and rows, one for each model."""
    rows = []
    for model in models:
        costs = [found[f"{model} {' '.join(map(str, size))}"] for size in steps]
        cells = [words(cost) for cost in costs]
        whole = all("cpu" in c for c in costs)
        rows.append((model, *cells, f"{costs[-1]['cpu'] / max(costs[0]['cpu'], 0.01):.1f}×" if whole else "–"))
    at = GROWING[sweep]
    return ["model", *(f"{size[at]:,}" for size in steps), "growth"], rows


def words(cost: dict[str, Any]) -> str:
    """CPU seconds, and MB beyond those of Python and the data, with what was foretold where anything was."""
    if "cpu" not in cost:
        return cost["reason"]
    beyond, foretold = cost["peak_mb"] - cost["data_mb"], cost["foretold_mb"]
    return f"{cost['cpu']:.2f} s, {beyond:,.0f} MB" + (f" (foretold {foretold:,.0f})" if foretold else "")


def plot(sweep: str, models: list[str], steps: list[tuple[int, int, int]], found: dict[str, Any], path: Path) -> None:
    """CPU seconds and peak memory over the size, both axes logarithmic."""
    from components.report.figures import draw_curves, new_axes, new_figure

    figure = new_figure(12, 4)
    sizes = [size[GROWING[sweep]] for size in steps]
    for position, (part, words) in enumerate((("cpu", "CPU seconds"), ("peak_mb", "peak MB")), start=1):
        series = {}
        for model in models:
            costs = [found[f"{model} {' '.join(map(str, size))}"] for size in steps]
            series[model] = [max(c.get(part, np.nan), 0.01) for c in costs]
        axis = ("events", "users", "items")[GROWING[sweep]]
        ax = new_axes(figure, f"Fit: {TITLES.get(sweep, f'{sweep} growing')}", axis, words, 1, 2, position)
        ax.set_xscale("log")
        ax.set_yscale("log")
        draw_curves(ax, sizes, series)
    figure.savefig(path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], tuple(map(int, sys.argv[3:6])))
    else:
        main()
