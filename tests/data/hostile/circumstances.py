"""Hostile circumstances, all real: a file written to while it is read, no permission, a full disk, a killed process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.core.errors import DataError, ShoploopError
from components.data.landing import FileFormat, Landed, Limits, land
from components.data.landing.csv_table import read_csv
from components.data.landing.land import members as read_members
from tests.data.hostile.case import ACCEPTED, REFUSED, TABLE, Case, file, land_folder

HEADER = b"user_id,item_id,note\n"
NOBODY = 65534
DISK_KB = 256


def rows(count: int) -> bytes:
    """Rows that do not compress to nothing."""
    return HEADER + b"".join(b"u%d,i%d,%d\n" % (i, i * i, i**5) for i in range(count))


def written_while_read(root: Path, case: Case) -> Landed:
    """Append a row after the first piece was read, and put the modification time back."""
    path = root / "data" / "events.csv"
    before = path.stat()
    members = read_members([path], root / "data", case.format, case.limits, root)
    pieces = read_csv(next(members), case.format, case.limits)
    next(pieces)
    with open(path, "ab") as f:
        f.write(b"u9,i9,late\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    list(pieces)
    next(members, None)
    raise AssertionError("the change went unseen")


def without_permission(root: Path, case: Case) -> Landed:
    """Read as a user without rights; root is one, for as long as it takes, by its effective id."""
    land(TABLE, [root / "data" / "fine.csv"], case.format, root / "before", case.limits, root / "data")  # imports
    (root / "data" / "events.csv").chmod(0)
    with _reachable(root), _as_nobody():
        return land_folder(root, case)


@contextmanager
def _reachable(root: Path) -> Iterator[None]:
    """Let everybody into the folders above, as pytest keeps them to their owner."""
    closed = [p for p in (root, *root.parents) if not p.stat().st_mode & 0o001]
    modes = {path: path.stat().st_mode for path in closed}
    (root / "work").mkdir(mode=0o777)
    (root / "work").chmod(0o777)
    try:
        for path in closed:
            path.chmod(modes[path] | 0o011)
        yield
    finally:
        for path in closed:
            path.chmod(modes[path])


@contextmanager
def _as_nobody() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def on_a_full_disk(root: Path, case: Case) -> Landed:
    """Land in a child process whose `work` is a file system of 256 kB."""
    (root / "work").mkdir()
    mount = f'mount -t tmpfs -o size={DISK_KB}k none "$0" && exec "$@"'
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*enter, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system here")
    said = _child([*enter, "sh", "-c", mount, str(root / "work")], root, "land")
    told = json.loads(said.stdout)
    assert told["left"] == []
    raise {"ShoploopError": ShoploopError, "DataError": DataError}[told["error"]](told["message"])


def killed_halfway(root: Path, case: Case) -> Landed:
    """Kill a child by SIGKILL between its two files; nothing is there but its scratch folder, and a rerun is whole."""
    killed = _child([], root, "land-and-die")
    assert killed.returncode == -9
    left = [path.name for path in (root / "work").iterdir()]
    assert left and all(name.startswith(f".{TABLE}.") for name in left)
    return land_folder(root, case)


def _child(prefix: list[str], root: Path, mode: str) -> subprocess.CompletedProcess:
    command = [*prefix, sys.executable, "-m", "tests.data.hostile.circumstances", str(root), mode]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def _files(root: Path, mode: str) -> Iterator[Path]:
    for i, path in enumerate(sorted((root / "data").iterdir())):
        if i == 1 and mode == "land-and-die":
            os.kill(os.getpid(), 9)
        yield path


def main(root: Path, mode: str) -> None:
    """What the child does: land, and say how it went and what is left."""
    error = None
    try:
        land(TABLE, _files(root, mode), FileFormat(), root / "work", Limits(), root / "data")
    except Exception as e:
        error = e
    left = [path.name for path in (root / "work").iterdir()]
    print(json.dumps({"error": type(error).__name__, "message": str(error), "left": left}))


def two_days(folder: Path) -> None:
    (folder / "day1.csv").write_bytes(rows(20_000))
    (folder / "day2.csv").write_bytes(rows(20_000))


def unreadable(folder: Path) -> None:
    (folder / "events.csv").write_bytes(rows(2))
    (folder / "fine.csv").write_bytes(rows(2))


CASES = [
    Case("a file that changes while it is read", "a row is appended, and the modification time put back", REFUSED,
         "events.csv: it changed while it was read", file("events.csv", rows(10)), act=written_while_read),
    Case("no permission", "the file may not be read", REFUSED,
         "events.csv: no permission to read it; `chmod u+r` it", unreadable, act=without_permission),
    Case("a full disk", "the disk holds 256 kB and the table is larger", REFUSED,
         "No space left on device", two_days, act=on_a_full_disk, slow=True),
    Case("a process killed halfway", "SIGKILL between two files; then the same command again", ACCEPTED, "",
         two_days, rows=40_000, act=killed_halfway, slow=True),
]  # fmt: skip

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
