"""Where to look: every report with its verdict in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from components.core import layout
from components.core.bundle import read_json
from components.core.schema import RANKER
from components.evaluation.protocol import ALL, NEW
from components.tracking.registry import ModelRegistry
from flows.closing import INTERVAL_SHOWN, wide_console


@dataclass(frozen=True)
class Place:
    """One report: what it is, the JSON its verdict is read from, the words of that, and the file for a person."""

    what: str
    report: Path
    verdict: Callable[[dict[str, Any]], str]
    page: Path


def _at(what: str, folder: Path, verdict: Callable[[dict[str, Any]], str]) -> Place:
    return Place(what, folder / "report.json", verdict, folder / "report.html")


def _comparison(report: dict[str, Any]) -> str:
    """The best recommender of each view."""
    best = {view: max(report["models"], key=lambda n: report["models"][n][view][INTERVAL_SHOWN]["mean"])
            for view in (ALL, NEW)}  # fmt: skip
    ranker = report["models"][RANKER]
    return "; ".join(
        f"{words}: ranker {ranker[view][INTERVAL_SHOWN]['mean']:.3f} NDCG@10, best is {best[view]}"
        for view, words in ((ALL, "all items"), (NEW, "new items"))
    )


def _robustness(report: dict[str, Any]) -> str:
    return "passed" if report["passed"] else f"FAILED: {'; '.join(report['reasons'])}"


def _decision(decision: dict[str, Any]) -> str:
    against = f"champion {decision['champion']}" if decision["champion"] else "no champion yet"
    failed = f"FAILED: {'; '.join(decision['reasons'])}"
    order = decision.get("order", RANKER)
    by = "" if order == RANKER else f" by the order of {order}, the stand-in"
    return f"{len(decision['gates'])} gates passed{by}, {against}" if decision["passed"] else failed


def _drift(report: dict[str, Any]) -> str:
    return f"drifted: {', '.join(report['drifted']) or 'nothing'}; {len(report['columns'])} columns compared"


def _experiment(report: dict[str, Any]) -> str:
    traffic = "REPLAYED traffic: " if report["replayed"] else ""
    return f"{traffic}{report['treatment']} against {report['control']}: {report['verdict']}"


DECISION_FILE = layout.DECISION / "decision.json"
OF_THE_LOOP = (
    _at("data", layout.QUALITY, lambda report: report["headline"]),
    _at("model comparison", layout.EVALUATION, _comparison),
    _at("robustness of the challenger", layout.ROBUSTNESS, _robustness),
    Place("decision of the gate", DECISION_FILE, _decision, DECISION_FILE),
)
AFTER_THE_LOOP = (
    _at("robustness of the champion", layout.MONITORING / "robustness", _robustness),
    _at("drift", layout.MONITORING / "drift", _drift),
    _at("experiment", layout.EXPERIMENTS / "demo", _experiment),
)


def print_places(root: Path, places: tuple[Place, ...] = OF_THE_LOOP) -> None:
    """Print where these reports and the registry are, each with its verdict."""
    out = Table(title="Where to look", title_justify="left")
    out.add_column("what")
    out.add_column("verdict", overflow="fold")
    out.add_column("where", no_wrap=True)  # a path that can be copied
    for place in places:
        out.add_row(place.what, place.verdict(read_json(root / place.report)), str(place.page))
    out.add_row("registry", _registry(root), "make up, then MLflow")
    wide_console().print(out)


def _registry(root: Path) -> str:
    aliases = ModelRegistry(root=root).aliases()
    return ", ".join(f"{alias} is version {version}" for alias, version in sorted(aliases.items())) or "no release"
