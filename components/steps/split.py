"""split: what may be known and what is to be foretold, before anything is fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import layout, schema
from components.core.bundle import replacing, write_json
from components.core.registry import SPLITS
from components.data import engine
from components.data.reference import check_cutoff
from components.data.undone import read_undone
from components.splits import datasets, guard, store
from components.splits.splitter import Fold, SplitConfig, Splitter
from components.steps.result import StepResult

if TYPE_CHECKING:
    from ibis.backends import BaseBackend


def split(config: SplitConfig, root: Path, seed: int) -> StepResult:
    """Write every fold's history, target and indexed dataset, and look for leaks before any of it is used.

    Reads   clean/interactions.parquet, clean/undone.parquet where cancellations undid purchases
    Writes  split/<fold>/{history.parquet,target.parquet,dataset/} and, where the users of the target are held out of
            fitting, split/<fold>/{asked.parquet,asked/}; split/split.json
    Raises  LeakError if a fold knows what it is asked
    """
    return split_by(SPLITS.get(config.method)(config), root)


def split_by(splitter: Splitter, root: Path) -> StepResult:
    """What `split` does, by a method at hand."""
    config = splitter.config
    con = config.engine.open()
    clean = root / layout.CLEAN
    interactions = engine.read_parquet(con, clean / f"{schema.INTERACTIONS_TABLE}.parquet")
    planned = splitter.folds(interactions, read_undone(con, clean))
    for fold in planned:
        if fold.cutoff is not None:
            check_cutoff(clean, fold.cutoff)
    with replacing(root / layout.SPLIT) as fresh:
        folds = [_written(con, fold, fresh / fold.name) for fold in planned]
        guard.check_folds(folds)
        facts = {fold.name: _indexed(fold, config, fresh / fold.name) for fold in folds}
        write_json(fresh / store.FACTS, _words(splitter, folds, facts))
    con.disconnect()
    metrics = {f"{fold}_{name}": value for fold, found in facts.items() for name, value in found.items()}
    return StepResult(_summary(config.method, folds, metrics), metrics, tags={"leaks": splitter.leaks})


def _written(con: BaseBackend, fold: Fold, folder: Path) -> Fold:
    """The fold with its tables on disk."""
    folder.mkdir()
    tables = {"history": store.HISTORY, "target": store.TARGET} | (
        {} if fold.asked is None else {"asked": store.ASKED_TABLE}
    )
    for name, file in tables.items():
        engine.write_parquet(getattr(fold, name), folder / file, of_written=True)
    return replace(fold, **{name: engine.read_parquet(con, folder / file) for name, file in tables.items()})


def _indexed(fold: Fold, config: SplitConfig, folder: Path) -> dict[str, float]:
    """Write the datasets of a fold, and say what is in them."""
    data = datasets.fitted_on(fold, config)
    guard.check_dataset(fold, data)
    store.save_dataset(folder / store.DATASET, data)
    held_out = datasets.asked_about(fold, data, config)
    if held_out is not None:
        store.save_dataset(folder / store.ASKED, held_out)
    asked = store.load_asked(folder, data)
    target = store.load_target(folder / store.TARGET, asked)
    return {
        "users": len(data.users),
        "items": len(data.items),
        "events": len(data.histories.items),
        "target_pairs": len(target.rows),
        "target_outside_share": target.outside / max(len(target.rows) + target.outside, 1),
        "target_unknown_users": target.unknown_users,
    }


def _words(splitter: Splitter, folds: list[Fold], facts: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {
        "method": splitter.config.method,
        "version": splitter.version,
        "leaks": splitter.leaks,
        "folds": [
            {"name": fold.name, "now": f"{fold.now:%Y-%m-%dT%H:%M:%SZ}", "one_cutoff": fold.cutoff is not None}
            | facts[fold.name]
            for fold in folds
        ],
    }


def _summary(method: str, folds: list[Fold], metrics: dict[str, float]) -> str:
    cuts = ", ".join(f"{fold.name} from {fold.cutoff:%Y-%m-%d}" for fold in folds if fold.cutoff is not None)
    return (
        f"{method.replace('_', ' ')}: {cuts or 'every user at a moment of their own'}; "
        f"{metrics['test_items']:,.0f} items, {metrics['test_users']:,.0f} users; "
        f"{metrics['test_target_outside_share']:.1%} of what is to be foretold lies outside the catalogue"
    )
