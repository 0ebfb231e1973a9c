"""The experiment's report: SRM first, then every metric's difference on the user, in words and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.core import bundle
from components.core.errors import DataError
from components.experiments import page
from components.experiments.design import CONTROL, TREATMENT, Experiment
from components.experiments.readout import Outcome, difference_of_ratios, totals, verdict
from components.experiments.replay import CAVEAT, Served, to_table
from components.experiments.srm import SampleRatio, sample_ratio

Report = dict[str, Any]


@dataclass(frozen=True)
class Metric:
    """A mean per list, added up per user: its name, its words for a person, and its value in one answer."""

    name: str
    words: str
    value: Callable[[Served], float]
    higher_is_better: bool = True


PRIMARY = Metric("hits_per_list", "items of the list that were in the next basket", lambda answer: answer.hits)
OTHERS = (
    Metric("hit_rate", "share of lists with at least one item of the next basket", lambda answer: answer.hits > 0),
    Metric("fallback_rate", "share of lists that fell back", lambda answer: answer.fallback is not None, False),
)


def assemble(experiment: Experiment, served: Sequence[Served], k: int) -> Report:
    """Check the split, then estimate.

    Returns  {"experiment", "replayed", "caveat", "control", "treatment", "policies",
             "users", "requests", "k", "releases", "srm", "verdict",
             "metrics": {name: {"words", "primary", "verdict", and the estimate}}}
    """
    shares = experiment.shares
    variant_of = {answer.user_id: answer.variant for answer in served}
    ratio = sample_ratio(Counter(variant_of.values()), shares)
    measured = {metric.name: _measure(metric, served, ratio) for metric in (PRIMARY, *OTHERS)}
    return {
        "experiment": experiment.name,
        "replayed": True,
        "caveat": CAVEAT,
        "control": CONTROL,
        "treatment": TREATMENT,
        "policies": experiment.policies,
        "users": len(variant_of),
        "requests": len(served),
        "k": k,
        "releases": sorted({answer.release for answer in served}),
        "srm": asdict(ratio) | {"shares": dict(shares)},
        "verdict": measured[PRIMARY.name]["verdict"],
        "metrics": measured,
    }


def metrics(report: Report) -> dict[str, float]:
    """MLflow metrics: every difference with its interval, and the SRM check's p-value."""
    out = {"srm_p_value": report["srm"]["p_value"], "users": float(report["users"])}
    for name, cell in report["metrics"].items():
        out |= {f"{name}.{key}": cell[key] for key in ("control", "treatment", "difference", "low", "high")}
    return out


def write(report: Report, served: Sequence[Served], exposures: pa.Table | None, folder: Path) -> tuple[Path, ...]:
    """Write the report as a folder that appears whole; returns its files.

    exposures  the service's own log, where it can be read
    """
    with bundle.replacing(folder) as fresh:
        bundle.write_json(fresh / "report.json", report)
        page.page(report).write(fresh / "report.html")
        page.drawing(report).savefig(fresh / "difference.png")
        pq.write_table(to_table(served), fresh / "served.parquet")
        if exposures is not None:
            pq.write_table(exposures, fresh / "exposures.parquet")
    return tuple(sorted(folder.iterdir()))


def _measure(metric: Metric, served: Sequence[Served], ratio: SampleRatio) -> dict[str, Any]:
    outcomes = (Outcome(answer.user_id, answer.variant, float(metric.value(answer))) for answer in served)
    groups = totals(outcomes)
    for variant in (CONTROL, TREATMENT):
        if variant not in groups:
            raise DataError(f"experiment: nobody was served variant {variant!r}; replay more users.")
    estimate = difference_of_ratios(groups[CONTROL], groups[TREATMENT])
    words = {"words": metric.words, "primary": metric is PRIMARY}
    return words | {"verdict": verdict(estimate, ratio, metric.higher_is_better), **asdict(estimate)}
