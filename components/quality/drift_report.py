"""The drift report: the newest window against training, column by column, as JSON, a page and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.core import bundle
from components.quality.drift import DRIFTED, STABLE, Drift
from components.report import figures
from components.report.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = Mapping[str, np.ndarray]
NAMES = ("training", "newest window")
POINTS_DRAWN = 500  # of each cloud


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
        out |= {f"{name}.{key}": column[key] for key in ("psi", "gap") if column[key] is not None}
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
        "difference is significant. Vectors, such as those of titles, are compared by the maximum mean discrepancy of "
        "a few hundred of them, with a permutation test. A season that comes every year also counts as drift here."
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


def picture(name: str, kind: str, reference: Columns, current: Columns, names: tuple[str, str] = NAMES) -> Figure:
    """Both windows' distribution of one column; of vectors, where they lie."""
    if kind == "embedding":
        return _cloud(reference[name], current[name], _words(name), names)
    if kind == "numeric":
        return figures.histogram_pair(reference[name], current[name], _words(name), _words(name), names)
    return figures.share_pair(_shares(reference[name]), _shares(current[name]), _words(name), names=names)


def _cloud(reference: np.ndarray, current: np.ndarray, title: str, names: tuple[str, str]) -> Figure:
    """Both clouds of vectors in the two directions in which the pooled points differ most."""
    pooled = np.concatenate([points[:POINTS_DRAWN].astype(float) for points in (reference, current)])
    centred = pooled - pooled.mean(axis=0)
    flat = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    figure = figures.new_figure(height=3.6)
    ax = figures.new_axes(figure, title, "first principal direction", "second")
    split = len(reference[:POINTS_DRAWN])
    for part, name, colour, marker in zip((flat[:split], flat[split:]), names, figures.PALETTE, "ox", strict=False):
        ax.scatter(part[:, 0], part[:, -1], s=14, alpha=0.5, color=colour, marker=marker, label=name)
    ax.legend(frameon=False)
    return figures.with_fonts(figure)


def _shares(values: np.ndarray) -> dict[str, float]:
    present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    names, counts = np.unique(present, return_counts=True)
    return dict(zip(map(str, names), counts / counts.sum(), strict=True))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
