"""The drift report: the newest window against training, column by column, as JSON, a page and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.core import bundle
from components.quality.drift import Drift
from components.report import figures
from components.report.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = Mapping[str, np.ndarray]
NAMES = ("training", "newest window")
DRIFTED, STABLE = "drifted", "stable"


def summarise(found: Sequence[Drift], reference: str, current: str) -> dict[str, Any]:
    """The report as JSON; reference and current say in words which windows were compared."""
    verdicts = {column.column: column.verdict for column in found}
    return {
        "reference": reference,
        "current": current,
        "drifted": sorted(name for name, verdict in verdicts.items() if verdict == DRIFTED),
        "moved": sorted(name for name, verdict in verdicts.items() if verdict not in (DRIFTED, STABLE)),
        "columns": {column.column: asdict(column) for column in found},
    }


def metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """MLflow metrics: both measures of every column, and how many drifted."""
    out = {"drifted_columns": float(len(report["drifted"])), "moved_columns": float(len(report["moved"]))}
    for name, column in report["columns"].items():
        out |= {f"{name}.psi": column["psi"], f"{name}.gap": column["gap"]}
    return out


def write(report: Mapping[str, Any], reference: Columns, current: Columns, folder: Path) -> None:
    """Write report.json, report.html and one picture per column into `folder`, which appears whole."""
    pictures = {name: picture(name, column["kind"], reference, current) for name, column in report["columns"].items()}
    with bundle.replacing(folder) as fresh:
        bundle.write_json(fresh / "report.json", report)
        page(report, pictures).write(fresh / "report.html")
        for name, drawn in pictures.items():
            drawn.savefig(fresh / f"{name}.png")


def page(report: Mapping[str, Any], pictures: Mapping[str, Figure]) -> Page:
    """The report as a page, worst column first."""
    out = Page("Drift", f"{report['current']} against {report['reference']}")
    drifted, moved = (", ".join(report[key]) for key in ("drifted", "moved"))
    out.verdict(not drifted, f"Drifted: {drifted}. Look at them, then train again." if drifted else "No column drifted")
    if moved:
        out.text(f"Moved, but less: {moved}.")
    out.text(
        "Two measures of size decide: the population stability index (PSI), and the largest gap (Kolmogorov–Smirnov's "
        "D for numbers, total variation for categories). The p-values are hints only: with this many events every "
        "difference is significant. A season that comes every year also counts as drift here."
    )
    columns = ["column", "verdict", "PSI", "gap", "p-value", *NAMES]
    rows = [
        [name, c["verdict"], c["psi"], c["gap"], c["p_value"], c["reference"], c["current"]]
        for name, c in report["columns"].items()
    ]
    out.table(columns, rows, "mean of numbers, most frequent value of categories")
    for name, drawn in pictures.items():
        out.heading(_words(name))
        out.figure(
            drawn, "", f"{_words(name)} in both windows, as shares; verdict: {report['columns'][name]['verdict']}"
        )
    return out


def picture(name: str, kind: str, reference: Columns, current: Columns) -> Figure:
    """Both windows' distribution of one column."""
    if kind == "numeric":
        return figures.histogram_pair(reference[name], current[name], _words(name), _words(name), NAMES)
    return figures.share_pair(_shares(reference[name]), _shares(current[name]), _words(name), names=NAMES)


def _shares(values: np.ndarray) -> dict[str, float]:
    present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    names, counts = np.unique(present, return_counts=True)
    return dict(zip(map(str, names), counts / counts.sum(), strict=True))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
