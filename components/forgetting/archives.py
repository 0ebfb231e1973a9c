"""Members of zip and tar archives without some of their rows; all other members keep their bytes, names and times.

A member is edited as the file it is: copied beside, edited there, packed again.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from components.forgetting.rewriting import rewritten
from components.forgetting.workbook import like

Edit = Callable[[Path], None]  # drops rows of the file at a path


def edit_members(path: Path, edits: Mapping[str, Edit]) -> None:
    """Edit members of an archive by name, and pack it again in the same order and with the same compression."""
    with rewritten(path) as fresh:
        (_zip if path.name.lower().endswith(".zip") else _tar)(path, fresh, edits)


def unpacked(edit: Edit) -> Edit:
    """The edit of a gzipped file whose format is not read line by line."""

    def of_packed(path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="shoploop-forget-") as folder:
            plain = Path(folder) / path.stem
            with gzip.open(path, "rb") as source, open(plain, "wb") as copy:
                shutil.copyfileobj(source, copy)
            edit(plain)
            with rewritten(path) as fresh, open(plain, "rb") as source, open(fresh, "wb") as raw, _gzip(raw) as target:
                shutil.copyfileobj(source, target)

    return of_packed


def members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Names and bytes of the members of an archive or a workbook, one after the other."""
    if not zipfile.is_zipfile(path):
        with tarfile.open(path, "r:*") as archive:
            for entry in archive:
                if entry.isfile():
                    yield entry.name, archive.extractfile(entry)
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                with archive.open(entry) as stream:
                    yield entry.filename, stream


def _zip(path: Path, fresh: Path, edits: Mapping[str, Edit]) -> None:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(fresh, "w") as target:
        target.comment = source.comment
        for entry in source.infolist():
            if entry.is_dir():
                target.writestr(like(entry), b"")
                continue
            with (
                source.open(entry) as stream,
                _edited(stream, entry.filename, edits) as content,
                target.open(like(entry), "w", force_zip64=True) as copy,
            ):
                shutil.copyfileobj(content, copy)


def _tar(path: Path, fresh: Path, edits: Mapping[str, Edit]) -> None:
    packed = not path.name.lower().endswith(".tar")
    with (
        tarfile.open(path, "r:*") as source,
        open(fresh, "wb") as raw,
        _gzip(raw, packed) as out,
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as target,
    ):
        for entry in source:
            if not entry.isfile():
                target.addfile(entry)
                continue
            with _edited(source.extractfile(entry), entry.name, edits) as content:
                entry.size = content.seek(0, 2)
                content.seek(0)
                target.addfile(entry, content)


@contextmanager
def _edited(stream: IO[bytes], name: str, edits: Mapping[str, Edit]) -> Iterator[IO[bytes]]:
    """The member's bytes, edited where there is an edit for it."""
    if name not in edits:
        yield stream
        return
    with tempfile.TemporaryDirectory(prefix="shoploop-forget-") as folder:
        copy = Path(folder) / PurePosixPath(name).name
        with open(copy, "wb") as target:
            shutil.copyfileobj(stream, target)
        edits[name](copy)
        with open(copy, "rb") as content:
            yield content


@contextmanager
def _gzip(raw: IO[bytes], packed: bool = True) -> Iterator[IO[bytes]]:
    if not packed:
        yield raw
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as stream:  # no clock: equal rows, equal bytes
        yield stream
