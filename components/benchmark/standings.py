"""From lists to standings: figures with intervals, differences to the best, slices, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.core.errors import DataError
from components.evaluation.compare import activity_slices
from components.evaluation.protocol import Measured, Task, measure
from components.metrics.intervals import SAMPLES, bootstrap_means
from components.metrics.ranking import PER_USER
from components.metrics.significance import holm, standard_errors, two_sided

MAIN = "ndcg"
RESAMPLES = 2 * SAMPLES  # of differences, at least
RESAMPLES_EACH = 200  # for every comparison more: a corrected p value can fall to a hundredth, however many there are
COVERAGE = "coverage"
LEAST_MEASURED_S = 0.01  # of CPU time; what took less tells of the clock and of noise


@dataclass(frozen=True)
class Entry:
    """One line of the table before it is measured.

    lists   view → lists per seed, int32 (n, k)
    cost    seconds and memory, per seed; empty where somebody else made the lists
    """

    name: str
    component: str
    params: dict[str, Any]
    lists: dict[str, list[np.ndarray]]
    costs: list[dict[str, Any]] = field(default_factory=list)
    remarks: tuple[str, ...] = ()


def standings(
    entries: Sequence[Entry],
    task: Task,
    popularity: np.ndarray,
    views: Sequence[str],
    k: int,
    draw: np.random.Generator,
) -> dict[str, Any]:
    """All figures of all entries by view, ready for the report.

    popularity  int (n_items,), events per item in what was fitted on
    Raises      DataError if a view has nobody to count
    """
    return {view: _view(entries, task, popularity, view, k, draw) for view in views}


def _view(
    entries: Sequence[Entry], task: Task, popularity: np.ndarray, view: str, k: int, draw: np.random.Generator
) -> dict[str, Any]:
    relevant = task.relevant[view]
    counted = relevant.getnnz(axis=1) > 0
    if not counted.any():
        raise DataError(
            f"benchmark: no user has anything to be foretold in the view '{view}'; choose another protocol."
        )
    measured = {e.name: [measure(lists, relevant, task.n_items, k) for lists in e.lists[view]] for e in entries}
    values = {name: _per_user(runs, counted) for name, runs in measured.items()}
    means = bootstrap_means(np.hstack(list(values.values())), draw)
    cells = _cells(values, means, k)
    for name, runs in measured.items():
        coverage = np.mean([run.coverage for run in runs], axis=0)
        cells[name][f"{COVERAGE}_at_{k}"] = dict(zip(("mean", "low", "high"), map(float, coverage), strict=True))
    main = np.stack([of[:, list(PER_USER).index(MAIN)] for of in values.values()], axis=1)
    names = list(values)
    order = sorted(names, key=lambda name: -cells[name][f"{MAIN}_at_{k}"]["mean"])
    return {
        "counted": int(counted.sum()),
        "order": order,
        "figures": cells,
        "seeds": {name: [float(np.nanmean(run.per_user[MAIN])) for run in runs] for name, runs in measured.items()},
        "against_best": _differences(names, main, order[0], draw),
        "slices": _slices(names, main, _masks(task, popularity, view, counted), draw),
    }


def _per_user(runs: list[Measured], counted: np.ndarray) -> np.ndarray:
    """float64 (counted users, metrics): the mean over seeds, user by user."""
    return np.stack([np.mean([run.per_user[m][counted] for run in runs], axis=0) for m in PER_USER], axis=1)


def _cells(values: dict[str, np.ndarray], means: np.ndarray, k: int) -> dict[str, dict[str, dict[str, float]]]:
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    cells: dict[str, dict[str, dict[str, float]]] = {}
    column = 0
    for name, of in values.items():
        cells[name] = {}
        for at, metric in enumerate(PER_USER):
            ends = {"low": float(low[column]), "high": float(high[column])}
            cells[name][f"{metric}_at_{k}"] = {"mean": float(of[:, at].mean())} | ends
            column += 1
    return cells


def _differences(
    names: list[str], main: np.ndarray, best: str, draw: np.random.Generator
) -> dict[str, dict[str, float | None]]:
    """Best minus each other, user by user: mean, interval, standard errors, p value, and p corrected (Holm)."""
    others = [name for name in names if name != best]
    if not others:
        return {}
    differences = main[:, [names.index(best)]] - main[:, [names.index(name) for name in others]]
    means = bootstrap_means(differences, draw, n=max(RESAMPLES, RESAMPLES_EACH * len(others)))
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    p = two_sided(means)
    corrected = holm(p)
    return {
        name: {
            "mean": float(differences[:, at].mean()),
            "low": float(low[at]),
            "high": float(high[at]),
            "standard_errors": standard_errors(differences[:, at]),
            "p": float(p[at]),
            "p_holm": float(corrected[at]),
            "resamples": len(means),
        }
        for at, name in enumerate(others)
    }


def _masks(task: Task, popularity: np.ndarray, view: str, counted: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Kind of slice → name → bool (counted users,)."""
    relevant = task.relevant[view][counted]
    popular = np.asarray((relevant @ popularity[:, None]) / relevant.getnnz(axis=1)[:, None]).ravel()
    return {
        "history length": activity_slices(task.histories.lengths[counted]),
        "popularity of what is to be foretold": _popularity_slices(popular),
    }


def _popularity_slices(popular: np.ndarray) -> dict[str, np.ndarray]:
    """Thirds of the users by the mean number of events of the items they went on to."""
    low, high = np.quantile(popular, [1 / 3, 2 / 3])
    slices = {
        f"tail (up to {low:,.0f} events)": popular <= low,
        f"middle ({low:,.0f} to {high:,.0f})": (popular > low) & (popular <= high),
        f"head (over {high:,.0f})": popular > high,
    }
    return {name: mask for name, mask in slices.items() if mask.any()}


def _slices(
    names: list[str], main: np.ndarray, masks: Mapping[str, Mapping[str, np.ndarray]], draw: np.random.Generator
) -> list[dict[str, Any]]:
    out = []
    for kind, slices in masks.items():
        for slice_name, mask in slices.items():
            means = bootstrap_means(main[mask], draw)
            low, high = np.quantile(means, [0.025, 0.975], axis=0)
            cells = {
                name: {"mean": float(main[mask, at].mean()), "low": float(low[at]), "high": float(high[at])}
                for at, name in enumerate(names)
            }
            out.append({"by": kind, "slice": slice_name, "users": int(mask.sum()), "figures": cells})
    return out


def cost_of(costs: Sequence[Mapping[str, Any]]) -> dict[str, float | None] | None:
    """Means over the seeds: seconds and CPU seconds of fitting and asking, peak memory, users asked per CPU second.

    The latter is None where asking took too little to be measured.
    """
    if not costs:
        return None

    def mean(part: str, name: str) -> float:
        return float(np.mean([cost[part][name] for cost in costs]))

    users, asked = float(np.mean([cost["users"] for cost in costs])), mean("ask", "cpu_seconds")
    return {
        "fit_seconds": mean("fit", "seconds"),
        "fit_cpu_seconds": mean("fit", "cpu_seconds"),
        "ask_seconds": mean("ask", "seconds"),
        "ask_cpu_seconds": asked,
        "users_per_cpu_second": users / asked if asked >= LEAST_MEASURED_S else None,
        "peak_mb": float(max(max(cost[part]["peak_mb"] for part in ("fit", "ask")) for cost in costs)),
    }
