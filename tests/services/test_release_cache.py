"""Copies of releases: two services that fetch the same one at once both get it."""

import shutil
import threading

import pytest

from components.core import layout
from components.release.assemble import assemble
from components.tracking.registry import DIGEST_TAG, RegisteredVersion
from services.release_cache import ReleaseCache


@pytest.fixture(scope="module")
def release_folder(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("cache") / "shop")
    return root / layout.RELEASE, assemble(root, "shop", {}).digest


class MeetingPoint:
    """Gives the release's folder to both callers at the same moment."""

    def __init__(self, folder):
        self.folder, self.barrier = folder, threading.Barrier(2, timeout=20)

    def fetch(self, version, into):
        self.barrier.wait()
        return self.folder


def test_two_services_may_fetch_the_same_release_at_once(release_folder, tmp_path):
    folder, digest = release_folder
    registry, version = MeetingPoint(folder), RegisteredVersion("1", folder.as_uri(), {DIGEST_TAG: digest}, "")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(ReleaseCache(tmp_path).get(registry, version))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [serving.release.digest for serving in found] == [digest, digest]
    assert [path.name for path in tmp_path.iterdir()] == [digest]
