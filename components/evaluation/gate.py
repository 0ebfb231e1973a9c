"""The promotion rule: which figures a release must show, in words. No other file decides on a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from components.core.config import Config
from components.core.schema import RANKER
from components.evaluation.compare import Figure
from components.evaluation.protocol import ALL, CUTOFF, NEW, VIEWS


class GateConfig(Config):
    """What a release must reach.

    beat          view → simple models whose NDCG@10 the ranker must exceed outside the 95 % paired interval
    min_coverage  least share of the catalogue that the ranker's lists show (view "all")
    max_loss      largest believable loss of NDCG@10 against the champion: the interval's upper end may not lie
                  below minus this
    """

    beat: dict[Literal["all", "new"], Annotated[list[str], Field(min_length=1)]] = Field(
        min_length=1,
        default_factory=lambda: {ALL: ["household_frequency", "household_recency"], NEW: ["popularity", "item_knn"]},
    )
    min_coverage: float = Field(default=0.02, ge=0, le=1)
    max_loss: float = Field(default=0.0, ge=0, le=1)


@dataclass(frozen=True)
class Verdict:
    """One gate's outcome in words."""

    gate: str
    passed: bool
    reason: str


def decide(
    config: GateConfig,
    evaluation: dict[str, Any],
    robustness: dict[str, Any],
    quality: dict[str, Any],
    against_champion: dict[str, Figure] | None,
) -> list[Verdict]:
    """All gates of one release; it may be registered as a challenger only if every one passed.

    evaluation, robustness, quality  the steps' report.json
    against_champion                 view → paired difference of NDCG@10, challenger minus champion; None: no champion
    """
    verdicts = [_quality(quality)]
    verdicts += [_beats(evaluation, view, name) for view, names in config.beat.items() for name in names]
    verdicts += [_coverage(config, evaluation), _robustness(robustness)]
    verdicts += [_champion(config, against_champion, view) for view in VIEWS] if against_champion else []
    return verdicts


def _quality(report: dict[str, Any]) -> Verdict:
    passed = bool(report["accepted"])
    return Verdict("data_quality", passed, "all stop rules held" if passed else "a stop rule of the data report failed")


def _beats(report: dict[str, Any], view: str, name: str) -> Verdict:
    gate = f"accuracy_{view}_over_{name}"
    cell = report["differences"][view].get(name)
    if cell is None:
        return Verdict(gate, False, f"{name} was not evaluated; add it to params.yaml: models and evaluate.models")
    passed = cell["low"] > 0
    return Verdict(
        gate, passed, f"NDCG@{CUTOFF} {_signed(cell)} against {name}" + ("" if passed else ": no clear gain")
    )


def _coverage(config: GateConfig, report: dict[str, Any]) -> Verdict:
    shown = report["models"][RANKER][ALL][f"coverage_at_{CUTOFF}"]["mean"]
    words = f"lists show {shown:.1%} of the catalogue, at least {config.min_coverage:.1%} wanted"
    return Verdict("coverage", shown >= config.min_coverage, words)


def _robustness(report: dict[str, Any]) -> Verdict:
    return Verdict("robustness", bool(report["passed"]), "; ".join(report["reasons"]))


def _champion(config: GateConfig, differences: dict[str, Figure], view: str) -> Verdict:
    cell = differences[view]
    passed = cell["high"] >= -config.max_loss
    words = f"NDCG@{CUTOFF} {_signed(cell)} against the champion on {view} items"
    return Verdict(f"champion_{view}", passed, words + ("" if passed else ": clearly worse"))


def _signed(cell: Figure) -> str:
    return f"{cell['mean']:+.4f} ({cell['low']:+.4f} to {cell['high']:+.4f})"
