"""Files: checksummed directories of JSON, safetensors and parquet, written atomically, never unpickled.

A bundle holds model.json (its meta data), arrays.safetensors, <name>.vocabulary.parquet and manifest.json
(sha256 of every other file, where it came from, and sha256 of that). It is verified before anything in it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from components.core.errors import BundleError
from components.core.vocabulary import Vocabulary

META = "model.json"
ARRAYS = "arrays.safetensors"
MANIFEST = "manifest.json"
PROVENANCE_DIGEST = "provenance_sha256"
VOCABULARY_SUFFIX = ".vocabulary.parquet"
_ORIGIN: ContextVar[dict[str, Any]] = ContextVar("origin", default={})  # noqa: B039 - never changed in place


@dataclass(frozen=True)
class Content:
    """What a bundle held."""

    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]
    vocabularies: dict[str, Vocabulary]
    provenance: dict[str, Any]


def sha256(path: Path) -> str:
    """Hex digest of one file's bytes."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A fresh folder that takes the place of `path` when the block ends well, and vanishes when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    fresh.chmod(0o755)
    try:
        yield fresh
        if path.is_dir():
            _exchange(fresh, path)
        else:
            os.replace(fresh, path)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _exchange(fresh: Path, path: Path) -> None:
    """Put `fresh` in the place of the folder `path`; where that fails, `path` is as it was."""
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    try:
        os.replace(path, old / "was")
        os.replace(fresh, path)
    except BaseException:
        if (old / "was").is_dir():
            os.replace(old / "was", path)
        old.rmdir()
        raise
    shutil.rmtree(old)


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old or the new content, never half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically: sorted keys, no NaN or infinity (ValueError)."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; BundleError if it is missing or broken."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{path}: no such file; the step that makes it has not run.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise BundleError(f"{path}: not JSON: {e}.") from None


@contextmanager
def originating(facts: dict[str, Any]) -> Iterator[None]:
    """Every bundle sealed in this block says in its provenance that it comes from these facts: data, configuration.

    An inner block replaces the facts of an outer one. Give what equal inputs give again: no time, no run.
    """
    token = _ORIGIN.set(dict(facts))
    try:
        yield
    finally:
        _ORIGIN.reset(token)


def seal(folder: Path, provenance: dict[str, Any]) -> None:
    """Write the manifest of a folder: sha256 of every file in it, by relative path, and of the provenance.

    The facts of the block `originating` are part of the provenance.
    """
    provenance = _ORIGIN.get() | provenance
    files = {name: sha256(folder / name) for name in _files(folder)}
    manifest = {"files": files, "provenance": provenance, PROVENANCE_DIGEST: _sha256_of(provenance)}
    write_json(folder / MANIFEST, manifest)


def verify(folder: Path) -> dict[str, Any]:
    """Check a sealed folder, file by file, and return its provenance.

    Raises BundleError naming the first file that is missing, altered or not in the manifest.
    """
    folder = Path(folder)
    manifest = read_json(folder / MANIFEST)
    try:
        declared, provenance = dict(manifest["files"]), dict(manifest["provenance"])
        provenance_digest = manifest[PROVENANCE_DIGEST]
    except (KeyError, TypeError, ValueError):
        raise BundleError(f"{folder / MANIFEST}: not a manifest; restore the folder or build it again.") from None
    if _sha256_of(provenance) != provenance_digest:
        raise BundleError(
            f"{folder}: its provenance was altered (sha256 differs); restore the folder or build it again."
        )
    present = set(_files(folder))
    for name in sorted(present - set(declared)):
        raise BundleError(f"{folder}: {name} is not in the manifest; restore the folder or build it again.")
    for name, digest in sorted(declared.items()):
        if name not in present:
            raise BundleError(f"{folder}: {name} is missing; restore the folder or build it again.")
        if sha256(folder / name) != digest:
            raise BundleError(f"{folder}: {name} was altered (sha256 differs); restore the folder or build it again.")
    return provenance


def digest(folder: Path) -> str:
    """One sha256 that stands for a sealed folder's content (provenance left out)."""
    return manifest_digest(Path(folder) / MANIFEST)


def content_digest(folder: Path) -> str:
    """As `digest`, with the provenance left out of the sealed folders inside it too: equal content, equal digest."""
    files = read_json(Path(folder) / MANIFEST)["files"]
    return _sha256_of({name: found for name, found in files.items() if Path(name).name != MANIFEST})


def manifest_digest(path: Path) -> str:
    """`digest` of the folder that a manifest belongs to, wherever the manifest itself lies."""
    return _sha256_of(read_json(path)["files"])


def write(
    path: Path,
    meta: dict[str, Any],
    *,
    arrays: dict[str, np.ndarray] | None = None,
    vocabularies: dict[str, Vocabulary] | None = None,
    provenance: dict[str, Any] | None = None,
) -> None:
    """Write one bundle directory, atomically."""
    with replacing(Path(path)) as fresh:
        write_json(fresh / META, meta)
        contiguous = {k: np.ascontiguousarray(v) for k, v in (arrays or {}).items()}
        (fresh / ARRAYS).write_bytes(save_arrays(contiguous))
        for name, vocabulary in (vocabularies or {}).items():
            ids = pa.array(vocabulary.ids.tolist(), pa.string())
            pq.write_table(pa.table({"id": ids}), fresh / f"{name}{VOCABULARY_SUFFIX}")
        seal(fresh, provenance or {})


def read(path: Path) -> Content:
    """Verify a bundle, then read it; BundleError if anything is not as written."""
    path = Path(path)
    provenance = verify(path)
    vocabularies = {
        file.name.removesuffix(VOCABULARY_SUFFIX): Vocabulary(read_table(file)["id"].to_numpy(zero_copy_only=False))
        for file in sorted(path.glob(f"*{VOCABULARY_SUFFIX}"))
    }
    return Content(read_json(path / META), _arrays(path / ARRAYS), vocabularies, provenance)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_arrays(path.read_bytes())
    except SafetensorError as e:
        raise BundleError(f"{path}: cannot be read as safetensors ({e}); build the folder again.") from None


def read_table(path: Path) -> pa.Table:
    """One parquet file; PyArrow's own `read_table` imports its data sets, and with them pandas."""
    with pq.ParquetFile(path) as file:
        return file.read()


def pack_csr(name: str, matrix: sp.csr_matrix) -> dict[str, np.ndarray]:
    """A CSR matrix as named arrays; `unpack_csr` reads it back."""
    m = sp.csr_matrix(matrix)
    return {
        f"{name}.data": m.data.astype(np.float32),
        f"{name}.indices": m.indices.astype(np.int32),
        f"{name}.indptr": m.indptr.astype(np.int64),
        f"{name}.shape": np.asarray(m.shape, dtype=np.int64),
    }


def unpack_csr(name: str, arrays: dict[str, np.ndarray]) -> sp.csr_matrix:
    """The CSR matrix that `pack_csr` stored under `name`."""
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    return sp.csr_matrix(parts, shape=tuple(arrays[f"{name}.shape"].tolist()))


def _sha256_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> list[str]:
    return sorted(
        str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p != Path(folder) / MANIFEST and not p.is_dir()
    )
