"""split: what may be known and what is to be foretold, before anything is fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import layout, schema
from components.core.bundle import replacing
from components.core.errors import DataError
from components.core.registry import SPLITS
from components.data import engine
from components.data.reference import check_cutoff
from components.data.undone import read_undone
from components.splits.folds import shelved, write_folds
from components.splits.shown import Shown
from components.splits.splitter import Fold, SplitConfig, Splitter
from components.steps.result import StepResult

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends import BaseBackend


def split(config: SplitConfig, root: Path, seed: int) -> StepResult:
    """Write every fold's history, target and indexed dataset, and look for leaks before any of it is used.

    Reads   clean/interactions.parquet, clean/undone.parquet where cancellations undid purchases, clean/items.parquet
            where the catalogue is to hold all that it lists, clean/exposures.parquet where the shop logs what it shows
    Writes  split/<fold>/{history.parquet,target.parquet,dataset/} and, where the users of the target are held out of
            fitting, split/<fold>/{asked.parquet,asked/}; split/split.json
    Raises  LeakError if a fold knows what it is asked; DataError where nobody can be asked
    """
    return split_by(SPLITS.get(config.method)(config), root)


def split_by(splitter: Splitter, root: Path) -> StepResult:
    """What `split` does, by a method at hand."""
    con = splitter.config.engine.open()
    clean = root / layout.CLEAN
    interactions = engine.read_parquet(con, clean / f"{schema.INTERACTIONS_TABLE}.parquet")
    planned = shelved(con, clean, splitter.folds(interactions, read_undone(con, clean)), splitter.config)
    planned = _with_log(con, clean, planned, interactions)
    for fold in planned:
        if fold.cutoff is not None:
            check_cutoff(clean, fold.cutoff)
    with replacing(root / layout.SPLIT) as fresh:
        written = write_folds(con, splitter, planned, fresh, of_written=True)
        _refuse_unasked(written.facts)
    con.disconnect()
    metrics = {f"{fold}_{name}": value for fold, found in written.facts.items() for name, value in found.items()}
    summary = _summary(splitter.config.method, written.folds, metrics)
    return StepResult(summary, metrics, tags={"leaks": splitter.all_leaks})


def _refuse_unasked(facts: dict[str, dict[str, float]]) -> None:
    """DataError where nobody can be asked in a fold that the loop asks: models would be trained for nothing."""
    for fold in layout.FOLDS:
        found = facts[fold]
        if not found["target_pairs"]:
            raise DataError(
                f"split: nobody can be asked in the {fold} fold: none of its {found['users']:,.0f} users went on to an "
                f"item of its catalogue ({found['target_outside_share']:.0%} of what they went on to lies outside it, "
                f"and {found['target_unknown_users']:,.0f} users are only in what is to be foretold); bring more "
                "history, a longer window, or lower min_users_per_item and min_items_per_user."
            )


def _with_log(con: BaseBackend, clean: Path, folds: list[Fold], interactions: Table) -> list[Fold]:
    """The folds of one cut-off with the shop's log of what it showed, where there is one."""
    file = clean / f"{schema.EXPOSURES_TABLE}.parquet"
    if not file.is_file():
        return folds
    shown = Shown(engine.read_parquet(con, file), interactions)
    return [fold if fold.cutoff is None else replace(fold, shown=shown) for fold in folds]


def _summary(method: str, folds: list[Fold], metrics: dict[str, float]) -> str:
    cuts = ", ".join(f"{fold.name} from {fold.cutoff:%Y-%m-%d}" for fold in folds if fold.cutoff is not None)
    return (
        f"{method.replace('_', ' ')}: {cuts or 'every user at a moment of their own'}; "
        f"{metrics['test_items']:,.0f} items, {metrics['test_users']:,.0f} users; "
        f"{metrics['test_target_outside_share']:.1%} of what is to be foretold lies outside the catalogue"
    )
