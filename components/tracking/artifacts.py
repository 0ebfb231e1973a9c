"""Files of a run behind an MLflow server, fetched over its REST API without importing MLflow."""

from __future__ import annotations

import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from components.core.errors import ReleaseError

if TYPE_CHECKING:
    from components.tracking.rest import RestClient

SCHEME = "mlflow-artifacts"
MOST_FILES = 10_000
LARGEST_FILE = 8 * 1024**3  # bytes


def is_behind_server(source: str) -> bool:
    """Whether a version's source is a path that the tracking server itself hands out."""
    parts = urllib.parse.urlparse(source)
    return parts.scheme == SCHEME and not parts.netloc


def download(client: RestClient, source: str, into: Path) -> Path:
    """The folder at `source` (mlflow-artifacts:/…) with all below it, as a folder of its name below `into`.

    Raises ReleaseError if it holds a name that would lie outside of it, or more than MOST_FILES files.
    """
    top = urllib.parse.unquote(urllib.parse.urlparse(source).path).strip("/")
    folder = into / _plain(PurePosixPath(top).name)
    for number, inner in enumerate(_files(client, top, PurePosixPath())):
        if number >= MOST_FILES:
            raise ReleaseError(f"{source}: more than {MOST_FILES} files; that is no release.")
        path = folder / inner
        path.parent.mkdir(parents=True, exist_ok=True)
        with client.open_artifact(f"{top}/{inner}") as remote, path.open("wb") as local:
            shutil.copyfileobj(remote, local)
        if path.stat().st_size > LARGEST_FILE:
            raise ReleaseError(f"{source}: {inner} is larger than {LARGEST_FILE} bytes; that is no release.")
    return folder


def _files(client: RestClient, top: str, below: PurePosixPath) -> Iterator[PurePosixPath]:
    for name, is_folder in client.list_folder(f"{top}/{below}".rstrip("/.")):
        inner = below / _plain(name)
        if is_folder:
            yield from _files(client, top, inner)
        else:
            yield inner


def _plain(name: str) -> str:
    """A single file's name; a server's word never becomes a path unchecked."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise ReleaseError(f"release: the server names a file {name[:80]!r}, which is no plain name.")
    return name
