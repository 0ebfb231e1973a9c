"""docs/benchmarks.md from the reports of `shoploop benchmark`: `python -m tests.benchmarks.models_page REPORT.json …`.

Every table stands below the command that makes it; nothing of the machine it was made on is in it but costs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from components.benchmark import text
from components.benchmark.run import FOREIGN
from components.core.bundle import read_json, write_text

HEADER = """# What models reach

Made by `python -m tests.benchmarks.models_page <report.json> …` from reports of `shoploop benchmark`; do not edit.
Full ranking over the whole catalogue, no sampled negatives. Options are those of `components/benchmark/presets/`,
which says how they were chosen, never by what is asked here. Costs are of 2 shared cores without a GPU: CPU seconds of
the fit with the start of its libraries, users ranked per CPU second, and the largest memory of the process, with about
0.2 GB for Python and the data in it. [How to compare models on your own data](compare-models.md).
"""

PEERS = (
    "Rows whose name begins with `implicit` are of the library implicit on the same folds: `python -m "
    "tests.benchmarks.peer_lists --data <folder with sequences.txt> --out <folder>`, its options searched on the "
    "validation fold; the rows beside them had as many trials, by `shoploop tune`."
)


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", default="docs/benchmarks.md", show_default=True, type=click.Path(path_type=Path))
def main(reports: tuple[Path, ...], out: Path) -> None:
    """Write the page."""
    parts = [HEADER, *(section(read_json(path)) for path in reports)]
    write_text(out, "\n".join(parts))


def section(report: dict[str, Any]) -> str:
    """One benchmark: command, protocol, a table for each view, who is absent, the options."""
    parts = [f"## {text.title(report)}", f"`{text.command(report)}`", " ".join(text.protocol_sentences(report))]
    for view in report["asked"]["views"]:
        parts += [f"Ranking {text.VIEW_WORDS[view]}:", text.markdown_table(*text.table(report, view))]
    if any(entry["component"] == FOREIGN for entry in report["entries"].values()):
        parts.append(PEERS)
    absent = text.absent(report)
    parts += ["Not in the table: " + "; ".join(absent) + "."] if absent else []
    options = [f"{name} ({_options(entry)})" for name, entry in report["entries"].items() if entry["params"]]
    parts += ["Options that differ from the defaults: " + "; ".join(options) + "."] if options else []
    return "\n\n".join(parts) + "\n"


def _options(entry: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in entry["params"].items())


if __name__ == "__main__":
    main()
