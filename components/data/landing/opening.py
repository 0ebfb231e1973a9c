"""Open raw files: regular files only, no links, no more than the limits, and unchanged while they are read."""

from __future__ import annotations

import gzip
import shutil
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from zipfile import BadZipFile

from components.core.errors import DataError
from components.data.landing.formats import GZIP_SUFFIXES, Limits, plain_name

RATIO_GRACE = 16 * 2**20  # expanded bytes; a small file of zeros is no bomb
COPY_SIZE = 2**20
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, BadZipFile, NotImplementedError)


class Readable(Protocol):
    """What the readers need of a stream."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True)
class Member:
    """One raw file or one member of an archive.

    label  path below data/, with "!<member>" where it lies in an archive; what source_file says
    name   its own name, whose suffix tells the format
    open   its expanded bytes, under the limits
    path   where it lies uncompressed on disk; None where it does not
    """

    label: str
    name: str
    open: Callable[[], AbstractContextManager[Readable]]
    path: Path | None = None


class Bounded:
    """A stream that refuses to expand beyond the limits and says plainly when it is damaged."""

    def __init__(self, inner: IO[bytes], label: str, limits: Limits, packed_bytes: Callable[[], int]):
        """`packed_bytes` tells how many compressed bytes were taken in so far."""
        self._inner, self._label, self._limits, self._packed_bytes = inner, label, limits, packed_bytes
        self._expanded = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes; DataError where the stream is damaged or beyond the limits."""
        try:
            data = self._inner.read(size)
        except DAMAGE as e:
            said = str(e) or type(e).__name__
            raise DataError(
                f"{self._label}: the compressed data are damaged or cut short ({said}); copy the file again."
            ) from None
        self._expanded += len(data)
        self._check()
        return data

    def _check(self) -> None:
        check_expanded(self._expanded, self._label, self._limits)
        packed = max(self._packed_bytes(), 1)
        if self._expanded > RATIO_GRACE and self._expanded > self._limits.max_ratio * packed:
            raise DataError(
                f"{self._label}: expands to more than {self._limits.max_ratio:g} times its size, as only a "
                "decompression bomb does; if it is none, raise limits.max_ratio."
            )


def check_expanded(expanded: int, label: str, limits: Limits) -> None:
    """DataError if so many expanded bytes are beyond the limit."""
    if expanded > limits.max_expanded_gb * 1e9:
        raise DataError(
            f"{label}: expands to more than {limits.max_expanded_gb:g} GB; "
            "split the file or raise limits.max_expanded_gb."
        )


def plain_member(path: Path, label: str, limits: Limits) -> Member:
    """A file that is no archive, perhaps gzipped."""
    packed = path.name.lower().endswith(GZIP_SUFFIXES)

    @contextmanager
    def bytes_of() -> Iterator[Readable]:
        with opened(path, label) as raw, expanded(raw, label, limits, packed) as stream:
            yield stream

    return Member(label, plain_name(path.name), bytes_of, None if packed else path)


@contextmanager
def expanded(raw: IO[bytes], label: str, limits: Limits, packed: bool) -> Iterator[Readable]:
    """The bytes of `raw`, unzipped where `packed`."""
    if not packed:
        yield Bounded(raw, label, limits, raw.tell)
        return
    with gzip.GzipFile(fileobj=raw) as stream:
        yield Bounded(stream, label, limits, raw.tell)


@contextmanager
def opened(path: Path, label: str) -> Iterator[IO[bytes]]:
    """A regular file, open; DataError if it is none, is not there or may not be read."""
    with _worded(label):
        _signature(path)
        stream = open(path, "rb")  # noqa: SIM115 - closed below, where errors are not those of opening
    with stream:
        yield stream


@contextmanager
def unchanged(path: Path, label: str) -> Iterator[None]:
    """DataError if the file differs after the block; where its modification time is put back, ctime tells."""
    with _worded(label):
        before = _signature(path)
    yield
    if not path.exists() or _signature(path) != before:
        raise DataError(f"{label}: it changed while it was read; wait until its writer is done and run again.")


@contextmanager
def _worded(label: str) -> Iterator[None]:
    """The system's refusals in words."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{label}: no such file; `shoploop run ingest` copies it.") from None
    except PermissionError:
        raise DataError(f"{label}: no permission to read it; `chmod u+r` it or run as its owner.") from None


def _signature(path: Path) -> tuple[int, ...]:
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        raise DataError(f"{path.name}: is a link; put the file itself there (of DVC: `cache.type copy`).")
    if not stat.S_ISREG(facts.st_mode):
        raise DataError(f"{path.name}: is no regular file (a pipe, device or folder); put a plain file there.")
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


@contextmanager
def on_disk(member: Member, work: Path) -> Iterator[Path]:
    """The member as an uncompressed file, for formats that are not read front to back; a copy is removed afterwards."""
    if member.path is not None:
        with opened(member.path, member.label):
            yield member.path
        return
    with member.open() as stream, copied(stream, work) as copy:
        yield copy


@contextmanager
def copied(stream: Readable, work: Path) -> Iterator[Path]:
    """The stream's bytes as a file in `work`, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix=".expanded-", dir=work) as folder:
        path = Path(folder) / "file"
        with open(path, "wb") as copy:
            shutil.copyfileobj(stream, copy, COPY_SIZE)
        yield path
