"""Assemble the release: the test fold's recommender, its catalogue and histories, and golden answers, sealed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from components.core import bundle, layout
from components.core.dataset import Dataset, Histories
from components.ranking.assemble import load_hybrid
from components.ranking.exploration import ExplorationConfig
from components.ranking.hybrid import FALLBACK, RETRIEVAL, Hybrid
from components.ranking.list_policy import ListPolicyConfig
from components.release import card, golden, golden_search
from components.release.catalogue import Catalogue, catalogue_table
from components.release.explorer import EXPLORATION
from components.release.list_wishes import LIST_POLICY, UNKNOWN_NAMES, list_policy
from components.release.load import CATALOGUE, FACTS, FORMAT, GOLDEN, GOLDEN_SEARCH, HYBRID, KNOWN, SEARCH, load, read
from components.release.release import HISTORY_EVENTS, PSEUDONYM_KEY, Release
from components.release.segments import SEGMENTS, segments
from components.splits import store


def assemble(
    root: Path,
    name: str,
    provenance: dict[str, Any],
    intended_use: str = card.INTENDED_USE,
    wishes: ListPolicyConfig | None = None,
    exploration: ExplorationConfig | None = None,
) -> Release:
    """Write artifacts/release/ with its model card, and return it as a service would load it.

    Equal parts give equal bytes, so that a release registered twice is recognised by its digest. What differs between
    equal runs (commit, time) belongs in `provenance`, which the digest leaves out.
    Reads   models/<name>/test/, ranker/, features/, reduced/, split/test/, clean/items.parquet, clean/users.parquet and
            search/ where they are, and validated/pseudonyms.json; without that file its user ids are taken for the
            shop's own. For the card: evaluation/, robustness/, quality/; a part without its report stays empty
    wishes  what the shop wants of every list; None: nothing beside relevance
    exploration  how often a list gives a place to a little known item; None: never
    Raises  ConfigError if this catalogue cannot fulfil the wishes
    """
    wishes = wishes or ListPolicyConfig()
    fold = root / layout.SPLIT / layout.TEST_FOLD
    data = store.load_dataset(fold / store.DATASET)
    hybrid = load_hybrid(root, layout.TEST_FOLD, data)
    with bundle.replacing(root / layout.RELEASE) as fresh:
        with bundle.originating({}):  # the parts' manifests count in the release's digest, where no provenance belongs
            hybrid.save(fresh / HYBRID)
            store.save_dataset(fresh / KNOWN, data)
            found = segments(root / layout.CLEAN / "users.parquet", data)
            if found is not None:
                found.save(fresh / SEGMENTS)
            _take_search(root / layout.SEARCH, fresh / SEARCH)
        nobody = Histories.of([[]], [[]], data.now)
        popularity = hybrid.models[FALLBACK].score(nobody)[0]
        items_file = root / layout.CLEAN / "items.parquet"
        table = catalogue_table(items_file, fold / store.HISTORY, data.items, popularity)
        pq.write_table(table, fresh / CATALOGUE)
        policy = list_policy(wishes, hybrid, Catalogue(table), data)
        facts = _facts(name, data, hybrid, _pseudonym_key(root)) | {
            HISTORY_EVENTS: store.event_types(fold / store.HISTORY),
            LIST_POLICY: wishes.model_dump(mode="json", exclude_defaults=True),
            UNKNOWN_NAMES: policy.unknown,
            EXPLORATION: (exploration or ExplorationConfig()).model_dump(mode="json", exclude_defaults=True),
        }
        bundle.write_json(fresh / FACTS, facts)
        told = card.gather(root, facts, bundle.digest(fresh / KNOWN), intended_use)
        card.write(fresh, name, told)
        bundle.seal(fresh, provenance)
        # The answers are those of the parts as they are read back, not as they lie in this process.
        made = read(fresh)
        bundle.write_json(fresh / GOLDEN, golden.make(made))
        if made.search is not None:
            bundle.write_json(fresh / GOLDEN_SEARCH, golden_search.make(made.search))
        bundle.seal(fresh, provenance)
    return load(root / layout.RELEASE)


def _take_search(made: Path, into: Path) -> None:
    """The search index, sealed anew without its provenance; a shop that made none has none."""
    if (made / bundle.MANIFEST).is_file():
        bundle.verify(made)
        shutil.copytree(made, into, ignore=shutil.ignore_patterns(bundle.MANIFEST))
        for part in sorted({p.parent for p in made.rglob(bundle.MANIFEST)} - {made}):
            bundle.seal(into / part.relative_to(made), {})
        bundle.seal(into, {})


def _pseudonym_key(root: Path) -> str | None:
    path = root / layout.PSEUDONYMS
    return bundle.read_json(path)["key_fingerprint"] if path.is_file() else None


def _facts(name: str, data: Dataset, hybrid: Hybrid, pseudonym_key: str | None) -> dict[str, Any]:
    return {
        "kind": "release",
        "format": FORMAT,
        "name": name,
        PSEUDONYM_KEY: pseudonym_key,
        "now": data.now,
        "cutoff_time": f"{datetime.fromtimestamp(data.now, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "users": len(data.users),
        "items": len(data.items),
        "models": {
            key: {"component": model.component(), "version": model.version} for key, model in hybrid.models.items()
        },
        "ranker_version": hybrid.ranker.version,
        RETRIEVAL: hybrid.retrieval.facts(),
    }
