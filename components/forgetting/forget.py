"""Forget a person: everything that is kept is found first, then removed in an order that a killed run can take up.

The suppression comes first, so that nothing that arrives meanwhile brings the person back; what tells where the rest
lies (raw rows, datasets) goes last, and data.dvc is renewed at the very end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from components.core import layout
from components.core.bundle import read_json, write_json
from components.core.errors import DataError
from components.core.privacy import read_privacy, settle_key, write_privacy
from components.core.progress import track
from components.core.pseudonyms import find_key, make_key
from components.data import under_way
from components.data.pin import check_pin, file_digests, read_pin, write_pin
from components.data.source import Source
from components.forgetting.artifacts import find_artifacts, find_reports
from components.forgetting.dvc_cache import cache_folder, find_cached
from components.forgetting.leftovers import find_leftovers
from components.forgetting.person import Person
from components.forgetting.raw_rows import find_raw
from components.forgetting.releases import find_releases, local_folders
from components.forgetting.trace import ROWS, Trace
from components.online.address import store_here
from components.tracking import location
from components.tracking.registry import ModelRegistry

ONLINE_STORE = "online store"
UNDER_WAY = layout.STATE / "forgetting.json"  # files of data/ that a run is rewriting; gone when data.dvc is renewed


def find(root: Path, source: Source, person: Person, state: Path) -> list[Trace]:
    """Every trace of the person, in the order of removal; nothing is changed.

    source  whose files data/ holds
    state   the service's folder
    Raises  DataError if data/ is not what data.dvc pins, files are still on their way into it, or
            the person's rows lie where they cannot be taken out
    """
    under_way.refuse_unfinished(root)
    _check_pinned(root)
    leftovers = find_leftovers(root)
    raw = find_raw(root, source, person)
    files = [trace.place.removeprefix(f"{layout.DATA}/") for trace in raw]
    traces = find_cached(cache_folder(root), files, person)
    releases: list[Trace] = []
    if "MLFLOW_TRACKING_URI" in os.environ or (root / location.DATABASE).exists():
        registry = ModelRegistry(root=root)
        releases = find_releases(root, registry, person)
        traces += find_reports(root, root / location.ARTIFACTS, local_folders(registry), person)
    return [*traces, *_online(state, person), *find_artifacts(root, person), *leftovers, *raw, *releases]


def suppress(root: Path, person: Person, *, pseudonymised: bool) -> None:
    """Note the person's keyed hash, so that validate leaves out whatever arrives later."""
    key = settle_key(root) if pseudonymised else find_key(root / layout.STATE) or make_key(root / layout.STATE)
    write_privacy(root, read_privacy(root).with_forgotten(key, person.user_id))


def remove(root: Path, traces: Iterable[Trace]) -> None:
    """Do away with every trace that can be, one after the other, then renew data.dvc.

    Killed halfway, it leaves every file whole; `find` and `remove` again complete it.
    """
    can_go = [trace for trace in traces if trace.remove is not None]
    rewritten = [trace.place for trace in can_go if trace.place.startswith(f"{layout.DATA}/")]
    if rewritten:
        write_json(root / UNDER_WAY, {"files": sorted({*rewritten, *_under_way(root)})})
    for trace in track(can_go, "forgetting"):
        trace.remove()
    if (root / UNDER_WAY).exists():
        if (root / layout.DATA_PIN).exists():
            write_pin(root / layout.DATA, root / layout.DATA_PIN)
        (root / UNDER_WAY).unlink()


def _online(state: Path, person: Person) -> list[Trace]:
    store = store_here(state)
    counts = store.rows_of_user(person.names)
    if not sum(counts.values()):
        return []
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    return [
        Trace(
            ONLINE_STORE, f"{store.place}: {words}", ROWS, sum(counts.values()), lambda: store.forget_user(person.names)
        )
    ]


def _check_pinned(root: Path) -> None:
    """data/ must be what data.dvc pins, but for the files that a killed run was rewriting.

    Renewing the pin accepts what lies there, so nothing else may have crept in.
    """
    if not (root / layout.DATA_PIN).exists() or not (root / layout.DATA).is_dir():
        return
    rewriting = {name.removeprefix(f"{layout.DATA}/") for name in _under_way(root)}
    if not rewriting:
        check_pin(root)
        return
    _, pinned = read_pin(root / layout.DATA_PIN)
    found = file_digests(root / layout.DATA)
    others = {name for name in {*pinned, *found} - rewriting if pinned.get(name) != found.get(name)}
    if others:
        raise DataError(f"{layout.DATA}/: {', '.join(sorted(others))} is not what {layout.DATA_PIN} pins; restore it.")


def _under_way(root: Path) -> list[str]:
    path = root / UNDER_WAY
    return list(read_json(path)["files"]) if path.is_file() else []
