"""Members of zip and tar archives, streamed; nothing is unpacked under a name of the archive's choosing.

An archive that holds a link, a device, an absolute name or `..` was not made to carry tables and is refused whole.
"""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from components.core.errors import DataError
from components.data.landing.formats import (
    BY_SUFFIX,
    GZIP_SUFFIXES,
    FileFormat,
    Limits,
    is_archive,
    plain_name,
)
from components.data.landing.opening import Bounded, Member, Readable, copied, expanded, opened, plain_member

MEMBER_MARK = "!"  # archive!member
MOST_NAMES = 10
JUNK = ("__MACOSX/",)


def archive_members(path: Path, label: str, declared: FileFormat, limits: Limits, work: Path) -> Iterator[Member]:
    """The members to read, in the archive's order; without `declared.members` there must be just one data file.

    Raises DataError on a damaged or encrypted archive, one of unsafe names or links, and where no member is meant.
    """
    is_zip = path.name.lower().endswith(".zip")
    found = _zip_members(path, label, limits) if is_zip else _tar_members(path, label, limits, work)
    chosen, passed = 0, []
    for member in found:
        if not _wanted(member.label.partition(MEMBER_MARK)[2], declared):
            passed.append(member.label.partition(MEMBER_MARK)[2])
            continue
        chosen += 1
        if chosen > 1 and declared.members is None:
            raise DataError(
                f"{label}: holds several data files; say which by `members`, e.g. '*.csv' for all of those."
            )
        yield member
    if not chosen:
        there = ", ".join(passed[:MOST_NAMES]) or "none"
        raise DataError(f"{label}: no member is '{declared.members or 'a data file'}'; there are: {there}.")


def _wanted(name: str, declared: FileFormat) -> bool:
    if name.startswith(JUNK) or PurePosixPath(name).name.startswith("."):
        return False
    if declared.members is not None:
        return fnmatchcase(name, declared.members)
    return declared.format is not None or PurePosixPath(plain_name(name)).suffix.lower() in BY_SUFFIX


def _zip_members(path: Path, label: str, limits: Limits) -> Iterator[Member]:
    with opened(path, label) as raw, _plainly(label), zipfile.ZipFile(raw) as archive:
        entries = archive.infolist()
    _check_names([entry.filename for entry in entries], label, limits)
    for entry in entries:
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"{label}: member '{entry.filename}' is a link; pack the files themselves.")
        if entry.flag_bits & 1:
            raise DataError(f"{label}: member '{entry.filename}' is encrypted; pack it without a password.")
    for entry in entries:
        if not entry.is_dir():
            yield _zip_member(path, label, entry, limits)


def _zip_member(path: Path, label: str, entry: zipfile.ZipInfo, limits: Limits) -> Member:
    name = f"{label}{MEMBER_MARK}{entry.filename}"

    @contextmanager
    def bytes_of() -> Iterator[Readable]:
        with (
            opened(path, label) as raw,
            _plainly(label),
            zipfile.ZipFile(raw) as archive,
            archive.open(entry) as inner,
        ):
            yield Bounded(_unzipped(inner, entry.filename), name, limits, lambda: entry.compress_size)

    return Member(name, _member_name(entry.filename, label), bytes_of)


def _tar_members(path: Path, label: str, limits: Limits, work: Path) -> Iterator[Member]:
    """One pass; each member is copied to `work` for as long as it is read."""
    packed = not path.name.lower().endswith(".tar")
    count = 0
    with (
        opened(path, label) as raw,
        expanded(raw, label, limits, packed) as stream,
        _plainly(label),
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        for entry in tar:
            count += 1
            _check_names([entry.name], label, limits, count)
            if not (entry.isfile() or entry.isdir()):
                raise DataError(f"{label}: member '{entry.name}' is a link or device; pack the files themselves.")
            if entry.isfile():
                name = f"{label}{MEMBER_MARK}{entry.name}"
                stream_in = Bounded(_unzipped(tar.extractfile(entry), entry.name), name, limits, raw.tell)
                with copied(stream_in, work) as copy:
                    yield replace(plain_member(copy, name, limits), name=_member_name(entry.name, label))


@contextmanager
def _plainly(label: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError) as e:
        raise DataError(f"{label}: the archive is damaged, cut short or none ({e}); copy it again.") from None


def _check_names(names: list[str], label: str, limits: Limits, count: int | None = None) -> None:
    if (count or len(names)) > limits.max_members:
        raise DataError(f"{label}: more than {limits.max_members:,} members (limits.max_members).")
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or name[1:2] == ":" or not name.isprintable():
            raise DataError(f"{label}: member {name!r} has a name that leads out of the archive; pack it again.")


def _unzipped(stream: IO[bytes], name: str) -> IO[bytes]:
    return gzip.GzipFile(fileobj=stream) if name.lower().endswith(GZIP_SUFFIXES) else stream


def _member_name(name: str, label: str) -> str:
    if is_archive(name):
        raise DataError(f"{label}: member '{name}' is an archive itself; unpack it first.")
    return PurePosixPath(plain_name(name)).name
