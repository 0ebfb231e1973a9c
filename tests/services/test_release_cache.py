"""Copies of releases: two services that fetch the same one at once both get it."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from components.core import bundle, layout
from components.release.assemble import assemble
from components.tracking.registry import DIGEST_TAG, RegisteredVersion
from services.release_cache import FORGOTTEN_S, KEPT, ReleaseCache


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


class Shelf:
    """Gives a version's own folder."""

    def fetch(self, version, into):
        return Path(version.source)


def another(folder, number, tmp_path):
    """A copy of the release with another digest, as a version that was made so many days later."""
    copy = shutil.copytree(folder, tmp_path / f"made {number}")
    (copy / "model_card.md").write_text(f"number {number}")
    bundle.seal(copy, {})
    os.utime(copy, (number * 86_400, number * 86_400))
    return RegisteredVersion(str(number), str(copy), {DIGEST_TAG: bundle.digest(copy)}, "")


def test_a_challenger_a_night_fills_no_disk_and_what_served_last_is_kept(release_folder, tmp_path):
    cache, (folder, _) = ReleaseCache(tmp_path / "cache"), release_folder
    versions = [another(folder, number, tmp_path) for number in range(KEPT + 3)]
    cache.note_served(cache.get(Shelf(), versions[0]))
    killed, under_way = tmp_path / "cache" / ".fetch.killed", tmp_path / "cache" / ".fetch.under way"
    for left, age in ((killed, 2 * FORGOTTEN_S), (under_way, 0)):
        left.mkdir()
        os.utime(left, (time.time() - age,) * 2)
    for version in versions[1:]:
        cache.get(Shelf(), version)
    newest = [versions[0], *versions[-(KEPT - 1) :]]
    copies = {path.name for path in cache.folder.iterdir() if path.is_dir()} - {under_way.name}
    assert copies == {version.tags[DIGEST_TAG] for version in newest}
    assert cache.last_served().version == "0"
