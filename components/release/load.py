"""Read a release: checksums first, then its parts, then its golden answers. All of it or nothing."""

from __future__ import annotations

from pathlib import Path

from components.core import bundle
from components.core.errors import BundleError, ReleaseError, ShoploopError
from components.ranking.exploration import ExplorationConfig
from components.ranking.hybrid import Hybrid
from components.ranking.list_policy import ListPolicyConfig
from components.release import golden, golden_search
from components.release.catalogue import Catalogue
from components.release.explorer import EXPLORATION, Explorer
from components.release.list_wishes import LIST_POLICY, list_policy
from components.release.release import Release
from components.release.segments import SEGMENTS, Segments
from components.search.index import SearchIndex
from components.search.load import read as read_index
from components.splits import store

FORMAT = 1
FACTS = "release.json"
GOLDEN = "golden.json"
GOLDEN_SEARCH = "golden_search.json"
CATALOGUE = "catalogue.parquet"
HYBRID = "hybrid"
LONGEST_REASON = 300
SEARCH = "search"
KNOWN = "known"  # the dataset bundle with the histories of known users


def load(path: Path) -> Release:
    """A verified release.

    Raises ReleaseError if a file is missing, altered or extra, the format is another, a part cannot be built, or a
    golden answer is not reproduced.
    """
    path = Path(path)
    try:
        bundle.verify(path)
        release = read(path)
        golden.check(release, bundle.read_json(path / GOLDEN))
        if release.search is not None and (path / GOLDEN_SEARCH).is_file():  # releases made before have none
            golden_search.check(release.search, bundle.read_json(path / GOLDEN_SEARCH))
    except ReleaseError:
        raise
    except ShoploopError as e:
        raise ReleaseError(f"{path}: the release cannot be used: {e}") from e
    except Exception as e:  # five libraries read its parts, and each fails in ways of its own
        found = f"{type(e).__name__}: {e}"[:LONGEST_REASON]
        raise ReleaseError(
            f"{path}: the release cannot be used ({found}); it was made by other code or altered, assemble it again."
        ) from e
    return release


def read(path: Path) -> Release:
    """Build a release from a sealed folder whose checksums hold; `load` is for everybody else."""
    facts = bundle.read_json(path / FACTS)
    if facts.get("kind") != "release" or facts.get("format") != FORMAT:
        found = f"{facts.get('kind')} {facts.get('format')}"
        raise BundleError(f"{path}: not a release of format {FORMAT} (found {found}); assemble it again.")
    provenance = bundle.read_json(path / bundle.MANIFEST)["provenance"]
    hybrid = Hybrid.load(path / HYBRID)
    catalogue = Catalogue.read(path / CATALOGUE, hybrid.items)
    known = store.load_dataset(path / KNOWN)
    if known.items != hybrid.items:
        raise BundleError(f"{path}: histories and models are of different catalogues; assemble it again.")
    policy = list_policy(ListPolicyConfig.model_validate(facts.get(LIST_POLICY, {})), hybrid, catalogue, known)
    facts |= {"provenance": provenance}
    kept = Segments.load(path / SEGMENTS) if (path / SEGMENTS).is_dir() else None
    explorer = Explorer(ExplorationConfig.model_validate(facts.get(EXPLORATION, {})), hybrid, known)
    more = {"search": _search(path / SEARCH), "explorer": explorer, "segments": kept}
    return Release(facts, bundle.digest(path), hybrid, catalogue, known, policy, **more)


def _search(folder: Path) -> SearchIndex | None:
    """The release's search index, ready to answer; None where it was made without one."""
    if not folder.is_dir():
        return None
    index = read_index(folder)
    index.warm()
    return index
