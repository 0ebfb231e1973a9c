"""The protocols: how a benchmark parts what is known from what is asked, made by the loop's own split methods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from components.core import layout, schema
from components.core.bundle import digest, read_json, replacing, sha256, write_json
from components.core.config import parse
from components.core.dataset import Dataset
from components.core.errors import ConfigError, DataError
from components.core.registry import SPLITS
from components.data import engine
from components.data.engine import EngineConfig
from components.data.undone import read_undone
from components.evaluation.protocol import Task, task
from components.features.content import content_of_file
from components.splits import store
from components.splits.folds import shelved, write_folds
from components.splits.splitter import SplitConfig, Splitter

if TYPE_CHECKING:
    from components.benchmark.material import Material

# Protocol, as the command line calls it → split method.
PROTOCOLS = {
    "temporal": "temporal",
    "leave-last-out": "leave_last_out",
    "leave-last-basket": "leave_last_basket",
    "sessions": "sessions",
}
FOUND = "found.json"  # what was read and what could not be
CLEAN = "clean"
NAMED = 3  # items that are held out, in a message
EARLIER = "earlier"  # option of their split methods: one more fold, before the validation
DENSITY_OPTIONS = ("min_users_per_item", "min_items_per_user")
BARE = dict.fromkeys(DENSITY_OPTIONS, 1)  # bare sequences are taken whole, as papers take them
EVERYBODY = {"leave-last-out": {"min_turns": 2}}  # as papers have it: one event to go by, one to be foretold


@dataclass(frozen=True)
class Question:
    """One fold: what may be fitted on, who is asked, and what they went on to do.

    digest  of what is fitted on and asked
    folder  of the fold's files; canonical tables lie in ../clean
    """

    data: Dataset
    task: Task
    digest: str
    folder: Path

    @property
    def name(self) -> str:
        """Of the fold, as in core/layout.py."""
        return self.data.fold

    def with_content(self) -> Dataset:
        """The data with what their items are, as far as the item table says it; for models that use content."""
        return replace(
            self.data, content=content_of_file(_items_of(self.folder), self.folder / store.HISTORY, self.data.items)
        )

    def digest_for(self, uses_content: bool) -> str:
        """Of all that is read: where what items are is used, the item table and the prices of the history too."""
        return self.digest + self._of_content if uses_content else self.digest

    @cached_property
    def _of_content(self) -> str:
        return _digest_of_content(self.folder)

    @cached_property
    def before(self) -> tuple[str, str]:
        """Digests of the fold before, from which a second stage may learn, and of what its items are; "" without."""
        at = self.folder.parent / earlier(self.name)
        return (_digest_of(at), _digest_of_content(at)) if (at / store.DATASET).is_dir() else ("", "")


def splitter(protocol: str, material: Material, options: dict[str, Any], *, learns_earlier: bool = False) -> Splitter:
    """The split method of a protocol.

    options         of section `split` that are given; others come from the params.yaml, then from the kind of data
    learns_earlier  whether somebody who is asked the validation fold learns from the fold before it
    Raises   ConfigError if there is no such protocol, or it needs times that the data do not have
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"benchmark: unknown protocol '{protocol}'; known: {', '.join(PROTOCOLS)}.")
    method = PROTOCOLS[protocol]
    cls = SPLITS.get(method)
    if cls.needs_times and not material.has_times:
        raise ConfigError(
            f"benchmark: protocol {protocol} cuts at one time for all, and the {material.kind} in {material.path} hold "
            "only the order of each user's events; use leave-last-out."
        )
    given = material.params.get("split") or {}
    _refuse_unknown(given, material.path)
    known = {name: value for name, value in given.items() if name in cls.Config.model_fields}
    usual = (BARE if material.kind == "sequences" else {}) | EVERYBODY.get(protocol, {})
    asked = options | {"method": method} | ({EARLIER: True} if learns_earlier else {})
    return cls(parse(SplitConfig, usual | known | asked, "benchmark: split"))


def _refuse_unknown(given: dict[str, Any], path: Path) -> None:
    """Options of other methods do nothing here; those of none are misspelt."""
    allowed = set(SplitConfig.model_fields).union(*(SPLITS.get(name).Config.model_fields for name in SPLITS.names()))
    if wrong := sorted(set(given) - allowed):
        raise ConfigError(f"{path}: split: unknown option {', '.join(wrong)}; known: {', '.join(sorted(allowed))}.")


def prepare(material: Material, split: Splitter, work: Path) -> Path:
    """A folder with the canonical tables and the folds; one that is there already is taken as it is."""
    from components.benchmark.material import load

    options = split.config.model_dump(mode="json")
    folder = work / material.digest(type(split).__module__, split=options, version=split.version)[:16]
    if material.repeatable and (folder / FOUND).is_file():
        return folder
    with replacing(folder) as fresh:
        found = load(material, fresh / CLEAN, EngineConfig())
        con = EngineConfig().open()
        interactions = engine.read_parquet(con, fresh / CLEAN / f"{schema.INTERACTIONS_TABLE}.parquet")
        try:
            folds = split.folds(interactions, read_undone(con, fresh / CLEAN))
            folds = shelved(con, fresh / CLEAN, folds, split.config)
        except DataError as e:  # what cleaning dropped may be why
            raise DataError(" ".join((f"{material.path}: {e}", *_before(found["remarks"])))) from None
        write_folds(con, split, folds, fresh)
        con.disconnect()
        write_json(fresh / FOUND, found)
    return folder


def _before(remarks: list[str]) -> list[str]:
    """What was remarked before the split, where anything was."""
    return [f"Before: {'; '.join(remarks)} (section clean of a params.yaml)."] if remarks else []


def question(folder: Path, fold: str) -> Question:
    """One fold of a prepared folder; DataError if nobody can be asked in it."""
    at = folder / fold
    data = replace(store.load_dataset(at / store.DATASET), fold=fold)
    asked = store.load_asked(at, data)
    target = store.load_target(at / store.TARGET, asked)
    asked_of = task(asked, target)
    if not len(asked_of.histories):
        raise DataError(
            f"benchmark: nobody can be asked in the {fold} fold: of {target.outside:,} held-out events every item is "
            f"missing from what was fitted on ({_named(at / store.TARGET)}), so no list can hold it. More users who do "
            "the same do not help, only such as had these items earlier and then went on to others do; where rare "
            "items are left out, a lower --min-users-per-item."
            if target.outside
            else f"benchmark: nobody can be asked in the {fold} fold: no user of it has an event that is held out."
        )
    return Question(data, asked_of, _digest_of(at), at)


def _digest_of(at: Path) -> str:
    """Of what is fitted on and asked in a fold, given its folder."""
    parts = [digest(at / store.DATASET), sha256(at / store.TARGET)]
    parts += [digest(at / store.ASKED)] if (at / store.ASKED).is_dir() else []
    return "-".join(parts)


def _digest_of_content(at: Path) -> str:
    """Of what tells what a fold's items are: the item table, and the history, whose prices make bands; "" without."""
    items = _items_of(at)
    return "-".join(map(sha256, (items, at / store.HISTORY))) if items.is_file() else ""


def _items_of(at: Path) -> Path:
    return at.parent / CLEAN / f"{schema.ITEMS_TABLE}.parquet"


def _named(target: Path) -> str:
    """Some of the items that are held out."""
    items = sorted(map(str, pq.read_table(target, columns=[schema.ITEM_ID])[schema.ITEM_ID].unique().to_pylist()))
    return ", ".join(items[:NAMED]) + (", …" if len(items) > NAMED else "")


def told(folder: Path, fold: str) -> dict[str, Any]:
    """What reports say of the data of a fold: counts, and what was left out."""
    facts = read_json(folder / store.FACTS)
    (counts,) = [found for found in facts["folds"] if found["name"] == fold]
    return read_json(folder / FOUND) | {
        "leaks": facts["leaks"],
        "not_asked": _not_asked(folder / fold),
        "users": int(counts["users"]),
        "items": int(counts["items"]),
        "events": int(counts["events"]),
        "target_outside_share": counts["target_outside_share"],
        "target_unknown_users": int(counts["target_unknown_users"]),
        "one_cutoff": counts["one_cutoff"],
        "now": counts["now"],
    }


def _not_asked(at: Path) -> dict[str, int]:
    """Users who are fitted on and not asked, by why; nothing where others are asked than are fitted on."""
    if (at / store.ASKED).is_dir():
        return {}
    data = store.load_dataset(at / store.DATASET)
    held_out = pq.read_table(at / store.TARGET, columns=[schema.USER_ID])[schema.USER_ID].unique()
    with_target = int((store.looked_up(held_out, data.users) >= 0).sum())
    asked = len(np.unique(store.load_target(at / store.TARGET, data).rows))
    return {"nothing_held_out": len(data.users) - with_target, "only_unknown_items": with_target - asked}


def earlier(fold: str) -> str:
    """The fold that a recommender of two stages may learn its second stage from."""
    return layout.VALIDATION_FOLD if fold == layout.TEST_FOLD else layout.EARLIER_FOLD
