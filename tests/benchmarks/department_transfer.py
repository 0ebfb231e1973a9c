"""What departments of a shop teach about another: `python -m tests.benchmarks.department_transfer CLEAN --work FOLDER`.

CLEAN is a folder of canonical tables (artifacts/clean). One cut-off for all (protocol temporal); asked is what users
went on to buy of the department, ranked among all its items. Two towers are fitted on the department's own events, on
all events, on all events with only the department as targets, and so after a start from the second line, or from the
events of all other departments; item-kNN and popularity stand beside them. Printed is NDCG@10 in both views with the
difference from the first line, paired by user, and its standard error.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import scipy.sparse as sp

from components.benchmark.entrant import Spec
from components.benchmark.protocols import Question
from components.core import environment, rng
from components.core.dataset import Dataset, Histories
from components.core.model import Model
from components.core.ranking import ALL, NEW, exclude, top_k
from components.evaluation.protocol import CUTOFF, measure
from tests.benchmarks.ways import apart, asked_of

TOWERS = "two_tower"
BESIDE = ("popularity", "item_knn")
OWN, EVERYTHING = "its own events", "all events"


@click.command()
@click.argument("clean", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--department", required=True, help="As the item table calls it.")
@click.option("--minutes", default=30.0, show_default=True, help="For one fit.")
@click.option("--seeds", default=3, show_default=True, help="Runs of the two towers.")
@click.option("--validation", is_flag=True, help="Ask the window before the last.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the folds.")
def main(clean: Path, department: str, minutes: float, seeds: int, validation: bool, work: Path) -> None:
    """Print one row for every way."""
    environment.prepare()
    asked, specs = asked_of(clean, "temporal", (TOWERS, *BESIDE), work, validation=validation)
    data = asked.with_content()
    inside = data.content.having({"department": [department]})
    ways = _ways(data, inside, department, specs, minutes)
    click.echo(_told(asked, inside, department))
    first: dict[str, np.ndarray] = {}
    for name, fitted in ways.items():
        runs = [_gains(fitted(seed), asked, inside) for seed in range(7, 7 + (seeds if TOWERS in name else 1))]
        gains = {view: np.mean([run[view] for run in runs], axis=0) for view in (ALL, NEW)}
        first = first or gains
        click.echo(f"{name:72} " + "   ".join(_row(gains[view], first[view]) for view in gains))


def _ways(
    data: Dataset, inside: np.ndarray, department: str, specs: dict[str, Spec], minutes: float
) -> dict[str, Callable[[int], Model]]:
    own, others = _only(data, inside), _only(data, ~inside)
    targets = {"targets": {"department": [department]}}

    def plain(name: str, events: Dataset, **options: object) -> Callable[[int], Model]:
        timed = {"max_minutes": minutes} if name == TOWERS else {}
        spec = replace(specs[name], params=specs[name].params | timed | options)
        return lambda seed: spec.model().fit(events, rng.stream(seed, "transfer", name))

    def begun(events: Dataset) -> Callable[[int], Model]:
        def fitted(seed: int) -> Model:
            with tempfile.TemporaryDirectory() as folder:
                plain(TOWERS, events)(seed).save(Path(folder) / "first", fold=data.fold)
                return plain(TOWERS, data, start_from=str(Path(folder) / "first"), **targets)(seed)

        return fitted

    return {
        f"{TOWERS}, {OWN}": plain(TOWERS, own, **targets),
        f"{TOWERS}, {EVERYTHING}": plain(TOWERS, data),
        f"{TOWERS}, {EVERYTHING}, targets": plain(TOWERS, data, **targets),
        f"{TOWERS}, {EVERYTHING}, targets, start_from all events": begun(data),
        f"{TOWERS}, {EVERYTHING}, targets, start_from all other departments": begun(others),
    } | {f"{name}, {of}": plain(name, events) for name in BESIDE for of, events in ((OWN, own), (EVERYTHING, data))}


def _only(data: Dataset, items: np.ndarray) -> Dataset:
    """The same users and catalogue, with only the events of these items."""
    return replace(data, histories=data.histories.keep(items[data.histories.items]))


def _gains(model: Model, asked: Question, inside: np.ndarray) -> dict[str, np.ndarray]:
    """View → float (n,), NDCG@10 of every user who is asked, NaN where nothing is to be foretold."""
    out = {}
    for view in (ALL, NEW):
        relevant = _within(asked.task.relevant[view], inside)
        ranked = np.vstack([_list(model, block, inside, view) for block in asked.task.histories.blocks()])
        out[view] = measure(ranked, relevant, asked.task.n_items).per_user["ndcg"]
    return out


def _within(relevant: sp.csr_matrix, inside: np.ndarray) -> sp.csr_matrix:
    kept = sp.csr_matrix(relevant.multiply(inside))
    kept.eliminate_zeros()
    return kept


def _list(model: Model, block: Histories, inside: np.ndarray, view: str) -> np.ndarray:
    return top_k(exclude(model.score(block), block, seen=view == NEW, allowed=inside), CUTOFF)


def _row(gains: np.ndarray, first: np.ndarray) -> str:
    return f"{np.nanmean(gains):.4f} ({apart(gains, first)})"


def _told(asked: Question, inside: np.ndarray, department: str) -> str:
    n = int((_within(asked.task.relevant[ALL], inside).getnnz(axis=1) > 0).sum())
    events = inside[asked.data.histories.items].mean()
    told = f"{department}: {inside.sum():,} items, {events:.1%} of the events; {n:,} users bought there later."
    return f"{told} All items, then new ones:"


if __name__ == "__main__":
    main()
