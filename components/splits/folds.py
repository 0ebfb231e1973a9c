"""Folds on disk: tables, indexed datasets and what was found in them, written once the guard has seen every row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import schema
from components.core.bundle import write_json
from components.core.errors import ConfigError
from components.data import engine
from components.splits import datasets, guard, store
from components.splits.shown import exposures_of
from components.splits.splitter import BOUGHT, LISTED, Fold, SplitConfig, Splitter

if TYPE_CHECKING:
    from ibis.backends import BaseBackend


def shelved(con: BaseBackend, clean: Path, folds: list[Fold], config: SplitConfig) -> list[Fold]:
    """The folds, with the whole items table in their catalogues where that is asked for.

    clean   folder of canonical tables
    Raises  ConfigError where it is asked for, and there is no items table
    """
    if config.catalogue != LISTED:
        return folds
    file = clean / f"{schema.ITEMS_TABLE}.parquet"
    if not file.is_file():
        raise ConfigError(f"split: catalogue: listed asks for an items table, and there is none; leave it at {BOUGHT}.")
    shelf = engine.read_parquet(con, file).select(schema.ITEM_ID)
    return [replace(fold, shelf=shelf) for fold in folds]


@dataclass(frozen=True)
class Written:
    """Folds as they stand on disk, and by fold what is in them: users, items, events, target pairs, what is outside."""

    folds: list[Fold]
    facts: dict[str, dict[str, float]]


def write_folds(
    con: BaseBackend, splitter: Splitter, planned: list[Fold], folder: Path, *, of_written: bool = False
) -> Written:
    """Write every fold's history, target and indexed dataset, and look for leaks before any of it is used.

    of_written  the events come from files of engine.write_parquet, in their order
    Writes  <fold>/{history.parquet,target.parquet,dataset/} and, where the users of the target are held out of fitting,
            <fold>/{asked.parquet,asked/}; split.json
    Raises  LeakError if a fold knows what it is asked
    """
    folds = [_written(con, fold, folder / fold.name, of_written) for fold in planned]
    guard.check_folds(folds)
    facts = {fold.name: _indexed(fold, splitter.config, folder / fold.name) for fold in folds}
    write_json(folder / store.FACTS, _words(splitter, folds, facts))
    return Written(folds, facts)


def _written(con: BaseBackend, fold: Fold, folder: Path, of_written: bool) -> Fold:
    """The fold with its tables on disk."""
    folder.mkdir()
    tables = {"history": store.HISTORY, "target": store.TARGET} | (
        {} if fold.asked is None else {"asked": store.ASKED_TABLE}
    )
    for name, file in tables.items():
        engine.write_parquet(getattr(fold, name), folder / file, of_written=of_written)
    return replace(fold, **{name: engine.read_parquet(con, folder / file) for name, file in tables.items()})


def _indexed(fold: Fold, config: SplitConfig, folder: Path) -> dict[str, float]:
    """Write the datasets of a fold, and say what is in them."""
    data = datasets.fitted_on(fold, config)
    if fold.shown is not None:
        data = replace(data, exposures=exposures_of(fold.shown, data))
    guard.check_dataset(fold, data)
    store.save_dataset(folder / store.DATASET, data)
    held_out = datasets.asked_about(fold, data, config)
    if held_out is not None:
        store.save_dataset(folder / store.ASKED, held_out)
    asked = store.load_asked(folder, data)
    target = store.load_target(folder / store.TARGET, asked)
    log = data.exposures
    shown = {} if log is None else {"exposures": len(log), "clicks": int(log.clicked.sum())}
    return shown | {
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
        "leaks": splitter.all_leaks,
        "folds": [
            {"name": fold.name, "now": f"{fold.now:%Y-%m-%dT%H:%M:%SZ}", "one_cutoff": fold.cutoff is not None}
            | facts[fold.name]
            for fold in folds
        ],
    }
