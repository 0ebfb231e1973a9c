"""The promotion rule: which figures a release must show, in words. No other file decides on a number.

`decide` judges what the steps measured, before a release is assembled; `decide_release` judges the release itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from components.core.config import Config
from components.core.schema import RANKER
from components.evaluation.compare import Figure, signed
from components.evaluation.protocol import ALL, CUTOFF, NEW, VIEWS

ROUNDING = 1e-9  # of a skill that is nought


class GateConfig(Config):
    """What a release must reach.

    beat          view → simple models whose NDCG@10 the ranker must exceed outside the 95 % paired interval
    min_coverage  least share of the catalogue that the ranker's lists show (view "all")
    max_loss      largest believable loss of NDCG@10 against the champion: the interval's upper end may not lie
                  below minus this
    max_calibration_error  largest expected calibration error, as a share of how often candidates are bought, where
                           scores are told as probabilities: of rare purchases a small number is no small error
    max_golden_ms          largest mean time of a golden request in process, in milliseconds
    """

    beat: dict[Literal["all", "new"], Annotated[list[str], Field(min_length=1)]] = Field(
        min_length=1,
        default_factory=lambda: {ALL: ["household_frequency", "household_recency"], NEW: ["popularity", "item_knn"]},
    )
    min_coverage: float = Field(default=0.02, ge=0, le=1)
    max_loss: float = Field(default=0.0, ge=0, le=1)
    max_calibration_error: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    max_golden_ms: float = Field(default=100.0, gt=0, le=10_000)


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
    calibration: dict[str, Any] | None = None,
) -> list[Verdict]:
    """All gates of one release; it may be registered as a challenger only if every one passed.

    evaluation, robustness, quality  the steps' report.json
    against_champion                 view → paired difference of NDCG@10, challenger minus champion; None: no champion
    calibration                      the ranker's calibration.json; None: its probabilities were not judged
    """
    verdicts = [_quality(quality)]
    verdicts += [_beats(evaluation, view, name) for view, names in config.beat.items() for name in names]
    verdicts += [_coverage(config, evaluation), _robustness(robustness), _slices(evaluation)]
    verdicts += [_calibration(config, calibration)]
    verdicts += [_champion(config, against_champion, view) for view in VIEWS] if against_champion else []
    return verdicts


def decide_release(
    config: GateConfig, golden_ms: float, missing_in_card: Sequence[str], retrieval: Mapping[str, Any]
) -> list[Verdict]:
    """The gates of the assembled release.

    golden_ms        milliseconds a golden request takes (release/pace.py)
    missing_in_card  parts of the model card that say nothing
    retrieval        of the release's facts: the indexes with the recall that each keeps
    """
    words = f"{golden_ms:.1f} ms per golden request, at most {config.max_golden_ms:g} allowed"
    absent = f"nothing is said of: {', '.join(missing_in_card)}"
    return [
        Verdict("latency", golden_ms <= config.max_golden_ms, words),
        Verdict("model_card", not missing_in_card, absent if missing_in_card else "every part says something"),
        _retrieval(retrieval),
    ]


def _retrieval(told: Mapping[str, Any]) -> Verdict:
    """An index may lose only so much of the exact answer."""
    least, found = told["least_recall"], {name: kept["recall"] for name, kept in told["indexes"].items()}
    if not found:
        return Verdict("retrieval", True, "exact: no model is asked through an index")
    words = ", ".join(f"{name} {recall:.3f}" for name, recall in found.items())
    asked = f"recall@{told['recall_at']} of the exact answer: {words}; at least {least:g} wanted"
    return Verdict("retrieval", min(found.values()) >= least, asked)


def _slices(report: dict[str, Any]) -> Verdict:
    """No third of the users may be clearly worse off than with the simple model shown beside it."""
    slices, baseline = report["slices"], report["slice_baseline"]
    worse = [name for name, part in slices.items() if part["ranker"]["high"] < part["baseline"]["low"]]
    if not slices:
        return Verdict("slices", False, "no slice was measured")
    if worse:
        return Verdict("slices", False, f"users with {', '.join(worse)}: clearly worse than {baseline}")
    return Verdict("slices", True, f"none of {len(slices)} slices is clearly worse than {baseline}")


def _calibration(config: GateConfig, found: dict[str, Any] | None) -> Verdict:
    if found is None:
        return Verdict("calibration", True, "not asked: the scores order items and are not told as probabilities")
    error, rate, skill = found["expected_calibration_error"], found["base_rate"], found["skill"]
    share = error / rate if rate else math.inf
    words = (
        f"expected calibration error {error:.4f}, {share:.0%} of the {rate:.4f} of the candidates that are bought; at "
        f"most {config.max_calibration_error:.0%} allowed; skill over telling everybody that rate {skill:.3f}"
    )
    tells = skill > ROUNDING
    return Verdict("calibration", tells and share <= config.max_calibration_error, words + ("" if tells else ": none"))


def _quality(report: dict[str, Any]) -> Verdict:
    passed = bool(report["accepted"])
    return Verdict("data_quality", passed, "all stop rules held" if passed else "a stop rule of the data report failed")


def _beats(report: dict[str, Any], view: str, name: str) -> Verdict:
    gate = f"accuracy_{view}_over_{name}"
    cell = report["differences"][view].get(name)
    if cell is None:
        return Verdict(gate, False, f"{name} was not evaluated; add it to params.yaml: models and evaluate.models")
    passed = cell["low"] > 0
    return Verdict(gate, passed, f"NDCG@{CUTOFF} {signed(cell)} against {name}" + ("" if passed else ": no clear gain"))


def _coverage(config: GateConfig, report: dict[str, Any]) -> Verdict:
    shown = report["models"][RANKER][ALL][f"coverage_at_{CUTOFF}"]["mean"]
    words = f"lists show {shown:.1%} of the catalogue, at least {config.min_coverage:.1%} wanted"
    return Verdict("coverage", shown >= config.min_coverage, words)


def _robustness(report: dict[str, Any]) -> Verdict:
    return Verdict("robustness", bool(report["passed"]), "; ".join(report["reasons"]))


def _champion(config: GateConfig, differences: dict[str, Figure], view: str) -> Verdict:
    cell = differences[view]
    passed = cell["high"] >= -config.max_loss
    words = f"NDCG@{CUTOFF} {signed(cell)} against the champion on {view} items"
    return Verdict(f"champion_{view}", passed, words + ("" if passed else ": clearly worse"))
