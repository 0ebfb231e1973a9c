"""What an output of a step keeps of a person: rows of its tables, words of its reports, bundles that know the person.

An output is looked at as a tree, relative path → file, so that artifacts/, an output in DVC's cache and the files of an
MLflow run are judged by one rule:
- a table loses the person's rows
- a sealed bundle cannot lose anything, so it goes as a whole: one whose users include the person, and every model
  fitted on such a dataset, although it names nobody
- a part made of a raw file goes if any of its columns names the person: it is a cache, and made again
- any other file that holds one of the person's names goes as well; the next run makes it anew
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from components.core import layout, schema
from components.core.bundle import MANIFEST, META, VOCABULARY_SUFFIX, manifest_digest, read_json
from components.core.errors import BundleError, DataError
from components.data.landing.piece import ORIGINAL
from components.forgetting.person import Person
from components.forgetting.rewriting import BATCH_ROWS, named

if TYPE_CHECKING:
    import pyarrow as pa

USERS_FILE = f"users{VOCABULARY_SUFFIX}"
ID = "id"
DATASET_DIGEST = "dataset_digest"  # in a model's provenance
# Fitted on people's histories, and their provenance names no dataset: rankers, and what a killed training left.
UNNAMED_KINDS = ("ranker", "checkpoint")
FREE_TEXT = (ORIGINAL, schema.PROBLEM)
PARQUET_MAGIC = b"PAR1"

Tree = Mapping[str, Path]


@dataclass
class Kept:
    """What one tree keeps of the person.

    rows      rows by path, of plain tables
    bundles   folders of sealed bundles
    files     other files
    """

    rows: dict[str, int] = field(default_factory=dict)
    bundles: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether it keeps anything."""
        return bool(self.rows or self.bundles or self.files)


def tree_of(folder: Path, root: Path) -> dict[str, Path]:
    """All regular files below a folder, by their path relative to `root`."""
    return {p.relative_to(root).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink()}


def kept_of(tree: Tree, person: Person) -> Kept:
    """What a tree keeps of the person, models fitted on datasets found elsewhere aside (`fitted_on`)."""
    sealed = sealed_folders(tree)
    kept = Kept()
    for path, file in tree.items():
        bundle = outermost(path, sealed)
        rows = rows_in(file, path, person)
        if bundle is not None:
            if rows or (rows is None and person.is_in_file(file)):
                kept.bundles.add(bundle)
        elif rows:
            kept.rows[path] = rows
        elif rows is None and person.is_in_file(file):
            kept.files.add(path)
    return kept


def sealed_folders(tree: Tree) -> list[str]:
    """Folders with a manifest, outer ones first."""
    folders = [str(PurePosixPath(path).parent) for path in tree if PurePosixPath(path).name == MANIFEST]
    return sorted(folders, key=lambda folder: (len(PurePosixPath(folder).parts), folder))


def outermost(path: str, sealed: Iterable[str]) -> str | None:
    """The outermost sealed folder that holds a file, or None."""
    around = {str(parent) for parent in PurePosixPath(path).parents}
    return next((folder for folder in sealed if folder in around), None)


def dataset_digests(tree: Tree, bundles: Iterable[str]) -> set[str]:
    """Digests of the datasets among bundles, by which models name what they were fitted on."""
    found = set()
    for folder in bundles:
        file = tree.get(_in(folder, MANIFEST))
        if file is not None and _in(folder, USERS_FILE) in tree:
            found.add(manifest_digest(file))
    return found


def fitted_on(tree: Tree, datasets: set[str]) -> set[str]:
    """Sealed folders of models fitted on one of these datasets, and of UNNAMED_KINDS, if there is any such dataset."""
    found = set()
    sealed = sealed_folders(tree) if datasets else []
    for folder in sealed:
        meta, manifest = tree.get(_in(folder, META)), tree[_in(folder, MANIFEST)]
        own = outermost(_in(folder, MANIFEST), sealed)
        is_unnamed = meta is not None and _json(meta).get("kind") in UNNAMED_KINDS
        if is_unnamed or _json(manifest).get("provenance", {}).get(DATASET_DIGEST) in datasets:
            found.add(own)
    return found


def rows_in(file: Path, path: str, person: Person) -> int | None:
    """Rows of a parquet file that are the person's; None if it is no parquet file.

    A row is the person's if its user is, or, where it names no user, if what stands in it of the original does.
    """
    if not _is_parquet(file):
        return None
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file)
        columns = _columns(path, person, opened.schema_arrow)
        if not columns:
            return 0
        return sum(
            pc.sum(persons_rows(batch, path, person)).as_py() or 0
            for batch in opened.iter_batches(BATCH_ROWS, columns=columns)
        )
    except (pa.ArrowInvalid, OSError) as e:
        first = str(e).splitlines()[0]
        raise DataError(f"{file}: cannot be read ({first}), so nobody knows whom it names; remove it.") from None


def persons_rows(batch: pa.RecordBatch, path: str, person: Person) -> pa.Array:
    """Bool mask of the person's rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    present = _columns(path, person, batch.schema)
    mask = pa.array([False] * batch.num_rows, pa.bool_())
    nobody = pa.array([True] * batch.num_rows, pa.bool_())
    for column in present:
        if column in FREE_TEXT:
            texts = [str(value or "").encode(errors="replace") for value in batch[column].to_pylist()]
            told = pa.array([person.is_in_text(text) for text in texts], pa.bool_())
            mask = pc.or_(mask, pc.and_(nobody, told))
        else:
            mask = pc.or_(mask, named(batch[column], person.names))
            nobody = pc.and_(nobody, pc.is_null(batch[column]))
    return mask


def _columns(path: str, person: Person, found: pa.Schema) -> list[str]:
    """The columns that may name the person; in the cache of parts, where raw rows keep the shop's columns, any may."""
    import pyarrow as pa

    if PurePosixPath(path).is_relative_to(layout.PARTS):
        return [field.name for field in found if not pa.types.is_nested(field.type)]
    named_so = (ID,) if PurePosixPath(path).name == USERS_FILE else (*sorted(person.columns), *FREE_TEXT)
    return [c for c in named_so if c in found.names]


def _in(folder: str, name: str) -> str:
    return str(PurePosixPath(folder) / name)


def _json(file: Path) -> dict:
    try:
        content = read_json(file)
    except BundleError:
        return {}
    return content if isinstance(content, dict) else {}


def _is_parquet(file: Path) -> bool:
    with open(file, "rb") as opened:
        return opened.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
