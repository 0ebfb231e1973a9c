"""A person's traces among the artifacts, and in the reports that MLflow keeps on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from components.core import layout
from components.forgetting.outputs import Tree, dataset_digests, fitted_on, kept_of, persons_rows, tree_of
from components.forgetting.person import Person
from components.forgetting.rewriting import drop_rows
from components.forgetting.trace import BUNDLE, FILE, ROWS, Trace

ARTIFACTS, REPORTS = "artifacts", "MLflow"


def find_artifacts(root: Path, person: Person) -> list[Trace]:
    """What artifacts/ keeps of the person.

    Models come before the datasets they were fitted on: a dataset is what tells which models those are, so a run that
    was killed in between finds the rest again.
    """
    tree = tree_of(root / layout.ARTIFACTS, root)
    kept = kept_of(tree, person)
    models = fitted_on(tree, dataset_digests(tree, kept.bundles)) - kept.bundles
    bundles = [_folder(root, folder) for folder in (*sorted(models), *sorted(kept.bundles))]
    files = [_file(root, path, ARTIFACTS) for path in sorted(kept.files)]
    return [*bundles, *files, *_tables(tree, kept.rows, person)]


def find_reports(root: Path, folder: Path, releases: set[Path], person: Person) -> list[Trace]:
    """Files of MLflow runs that name the person; releases are left to `find_releases`."""
    if not folder.is_dir():
        return []
    tree = tree_of(folder, root)
    others = {path: file for path, file in tree.items() if not releases & set(file.resolve().parents)}
    kept = kept_of(others, person)
    inside = [path for path in others if any(path.startswith(f"{bundle}/") for bundle in kept.bundles)]
    return [_file(root, path, REPORTS) for path in sorted({*kept.rows, *kept.files, *inside})]


def _folder(root: Path, path: str) -> Trace:
    return Trace(ARTIFACTS, path, BUNDLE, remove=lambda: shutil.rmtree(root / path))


def _file(root: Path, path: str, area: str) -> Trace:
    return Trace(area, path, FILE, remove=(root / path).unlink)


def _tables(tree: Tree, rows: dict[str, int], person: Person) -> list[Trace]:
    return [
        Trace(ARTIFACTS, path, ROWS, count, _dropping(tree[path], path, person)) for path, count in sorted(rows.items())
    ]


def _dropping(file: Path, path: str, person: Person) -> Callable[[], None]:
    import pyarrow.compute as pc

    return lambda: drop_rows(file, lambda batch, _: pc.invert(persons_rows(batch, path, person)))
