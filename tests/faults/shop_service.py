"""What the scripts of this folder share: a small shop's service in processes of its own, and its processes."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.load.servers import service
from tests.load.shop import build

ITEMS, USERS = 2_000, 400


@contextmanager
def small_service(workers=1, **settings):
    """Two thousand items, enough for faults; LOAD_RELEASE names a release that is there already."""
    with tempfile.TemporaryDirectory(prefix="shoploop-faults-") as folder:
        release = os.environ.get("LOAD_RELEASE") or build(Path(folder) / "shop", ITEMS, USERS)
        with service(release, SHOPLOOP_WORKERS=str(workers), **settings) as shop:
            yield shop


def parent_of(shop):
    """The process that started the workers."""
    return psutil.Process(shop.process.pid)


def workers_of(shop):
    """The processes that answer; those that were killed and wait to be reaped do not."""
    return [process for process in parent_of(shop).children() if _answers(process)]


def _answers(process):
    try:
        return any("worker" in part for part in process.cmdline())
    except psutil.Error:
        return False


def memory_mb(shop):
    """Resident memory of all workers."""
    return sum(p.memory_info().rss for p in workers_of(shop)) / 2**20
