"""/recommend over a million items × 64 against 50,000: the median of an answer, and the recall of the index.

python -m tests.load.catalogue_size [--small 50000] [--large 1000000] [--users 20000] [--keep FOLDER] [--anyway]

In process, one thread, both releases in turns: question, candidates, features, rank, policy. A quarter of the time is
making the shops; --keep leaves them for another run.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from components.core import layout
from components.release.load import load
from components.release.release import Question
from tests.load.machine import others, quiet, words
from tests.load.shop import build

TIMES_P50, RECALL = 3.0, 0.95
ROUNDS = 5


def made(folder, items, users):
    """A release of so many items, from the folder if it was made before."""
    root = folder / str(items)
    began = time.perf_counter()
    if not (root / layout.RELEASE).is_dir():
        build(root, items, users=users, vectors=True)
        print(f"{items:,} items: shop and release made in {time.perf_counter() - began:.0f} s", flush=True)
    began = time.perf_counter()
    release = load(root / layout.RELEASE)
    print(f"{items:,} items: loaded and golden answers reproduced in {time.perf_counter() - began:.1f} s", flush=True)
    return release


def seconds(release, users):
    """Of every user's answer."""
    taken = []
    for user in users:
        began = time.perf_counter()
        release.recommend(Question(user_id=user, k=10))
        taken.append(time.perf_counter() - began)
    return taken


def main():
    """Print the row."""
    options = argparse.ArgumentParser()
    options.add_argument("--small", type=int, default=50_000)
    options.add_argument("--large", type=int, default=1_000_000)
    options.add_argument("--users", type=int, default=20_000)
    options.add_argument("--asked", type=int, default=300)
    options.add_argument("--keep", type=Path)
    options.add_argument("--anyway", action="store_true")
    told = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        releases = [made(told.keep or Path(scratch), items, told.users) for items in (told.small, told.large)]
    quiet()
    taken = [[], []]
    for _ in range(ROUNDS):
        for of, release in zip(taken, releases, strict=True):
            ids = release.known.users.ids
            of += seconds(release, ids[:: max(1, len(ids) // (told.asked // ROUNDS))].tolist())
    small, large = (1000 * float(np.median(of)) for of in taken)
    counts = [len(release.hybrid.items) for release in releases]
    print(
        f"p50 {small:.1f} ms over {counts[0]:,} items, {large:.1f} ms over {counts[1]:,}: "
        f"{large / small:.2f} × (reach {TIMES_P50})"
    )
    for name, kept in releases[1].facts["retrieval"]["indexes"].items():
        how = f"{kept['probed']} of {kept['lists']} lists, {kept['users']} users"
        print(f"recall@100 of {name}'s index: {kept['recall']:.3f} ({how}; reach {RECALL})")
    print(f"afterwards: {words(others())}")


if __name__ == "__main__":
    main()
