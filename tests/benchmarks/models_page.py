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
    "validation fold."
)
OTHER_PEERS = (
    "Rows whose name begins with `lenskit`, `rectools` or `recbole` are of these libraries on the same folds: "
    "`tests/benchmarks/other_peers.py`, in environments of their own, whose making its first lines tell. Cheap ones "
    "had their options searched on the validation fold; a dear one was fitted once and stopped by its budget."
)
PEER_COSTS = (
    "CPU seconds of one thread; memory is the largest of the search, the fit and the lists together. Where there were "
    "no trials, the fit holds the start of the library; LensKit answers user by user, through its own pipeline."
)
LIBRARIES = ("lenskit", "rectools", "recbole")


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--note", default="", help="Said below the first table: what changed since it was measured.")
@click.option("--out", default="docs/benchmarks.md", show_default=True, type=click.Path(path_type=Path))
@click.option("--peers", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Of other_peers.py.")
def main(reports: tuple[Path, ...], note: str, out: Path, peers: Path | None) -> None:
    """Write the page."""
    parts = [HEADER, *(section(read_json(path), "" if at else note) for at, path in enumerate(reports))]
    parts += [peer_costs(peers)] if peers else []
    write_text(out, "\n".join(parts))


def peer_costs(folder: Path) -> str:
    """What the fits of other libraries cost, and with which options: from the files beside their lists."""
    columns = ["peer", "trials", "search CPU s", "fit CPU s", "users / CPU s", "peak MB", "options"]
    rows = []
    for path in sorted(folder.glob("*.json")):
        told = read_json(path)
        costs = (told.get("search_cpu_s", 0), told["fit_cpu_s"], told["users_per_cpu_s"], told["peak_mb"])
        options = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in told["options"].items())
        rows.append([path.stem, str(told["trials"]), *(f"{cost:,.0f}" for cost in costs), options or "defaults"])
    return f"## What the peers cost\n\n{PEER_COSTS}\n\n{text.markdown_table(columns, rows)}\n"


def section(report: dict[str, Any], note: str = "") -> str:
    """One benchmark: command, protocol, a table for each view, a note, who is absent, the options."""
    parts = [f"## {text.title(report)}", f"`{text.command(report)}`", " ".join(text.protocol_sentences(report))]
    for view in report["asked"]["views"]:
        parts += [f"Ranking {text.VIEW_WORDS[view]}:", text.markdown_table(*text.table(report, view))]
    foreign = [name for name, entry in report["entries"].items() if entry["component"] == FOREIGN]
    parts += [PEERS] if any(name.startswith("implicit") for name in foreign) else []
    parts += [OTHER_PEERS] if any(name.startswith(LIBRARIES) for name in foreign) else []
    parts += [note] if note else []
    absent = text.absent(report)
    parts += ["Not in the table: " + "; ".join(absent) + "."] if absent else []
    rows = text.option_rows(report)[1]
    options = [f"{name} ({set_})" for name, _, set_ in rows if report["entries"][name]["params"]]
    said = text.remarks(report)
    parts += ["Remarked: " + "; ".join(said) + "."] if said else []
    parts += ["Options that lines set: " + "; ".join(options) + "."] if options else []
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
