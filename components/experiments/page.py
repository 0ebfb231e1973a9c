"""The experiment's report as a page and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components.experiments.readout import UNTRUSTED, WORSE
from components.report import figures
from components.report.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def page(report: Mapping[str, Any]) -> Page:
    """The report as a page: the caveat, the split, then the differences."""
    label = "REPLAYED traffic" if report["replayed"] else "live traffic"
    out = Page(f"Experiment {report['experiment']}", f"{label} · release {', '.join(report['releases'])}")
    out.verdict(report["verdict"] not in (WORSE, UNTRUSTED), _headline(report))
    out.text(report["caveat"])
    _split(out, report)
    _differences(out, report)
    return out


def drawing(report: Mapping[str, Any]) -> Figure:
    """Every metric's difference with its interval, relative to the control's value where that is not 0."""
    cells = {name: cell for name, cell in report["metrics"].items() if cell["control"]}
    values, lows, highs = (
        [cell[key] / cell["control"] for cell in cells.values()] for key in ("difference", "low", "high")
    )
    title = f"{report['treatment']} against {report['control']}, 95 % intervals over users"
    return figures.interval_plot(list(cells), values, lows, highs, title, "relative difference")


def _headline(report: Mapping[str, Any]) -> str:
    primary = next(cell for cell in report["metrics"].values() if cell["primary"])
    return (
        f"{report['treatment']} against {report['control']}: {report['verdict']}. {primary['words'].capitalize()}: "
        f"{primary['difference']:+.3f} ({primary['low']:+.3f} to {primary['high']:+.3f}) on {primary['control']:.3f}."
    )


def _split(out: Page, report: Mapping[str, Any]) -> None:
    srm = report["srm"]
    out.heading("Is the split as it was meant?")
    out.verdict(
        not srm["mismatch"],
        f"sample ratio check: p = {srm['p_value']:.3g}; below 0.001 nothing that follows could be trusted",
    )
    rows = [
        [name, policy, f"{srm['shares'][name]:.0%}", srm["expected"][name], srm["observed"][name]]
        for name, policy in report["policies"].items()
    ]
    out.table(["variant", "answered by", "share", "users expected", "users found"], rows)


def _differences(out: Page, report: Mapping[str, Any]) -> None:
    out.heading("What differs?")
    out.text(
        f"{report['requests']:,} lists of {report['k']} for {report['users']:,} users. A user keeps its "
        "variant, so it is the unit: its lists are added up first (delta method), then users are compared."
    )
    out.figure(drawing(report), "", "Differences between the variants; numbers in the table below.")
    columns = ["metric", report["control"], report["treatment"], "difference", "95 % interval", "treatment is"]
    rows = [
        [
            cell["words"] + (" (primary)" if cell["primary"] else ""),
            cell["control"],
            cell["treatment"],
            f"{cell['difference']:+.4f}",
            f"[{cell['low']:+.4f}, {cell['high']:+.4f}]",
            cell["verdict"],
        ]
        for cell in report["metrics"].values()
    ]
    out.table(columns, rows)
