"""Throughput and latency of /recommend, against a bare application doing the same work and the sum of its parts.

python -m tests.load.recommend [--items 50000] [--seconds 60] [--release FOLDER] [--anyway]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.load.machine import others, quiet, words
from tests.load.open_loop import load, peak
from tests.load.servers import peer, service
from tests.load.shop import build

THROUGHPUT, P50, P99_MS = 0.6, 2.0, 50.0


def parts_ms(release_folder, asked=200):
    """Median milliseconds in process of what an answer is made of: question, state, exposure."""
    from components.release.load import load as load_release
    from services.desk import Desk
    from services.messages import RecommendRequest
    from services.release_cache import serving
    from services.settings import Settings
    from services.state import State

    now = serving(load_release(release_folder), None)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder))
        desk = Desk(settings, State.of(settings))
        desk.check(now.release)
        taken = []
        for number in range(asked):
            began = time.perf_counter()
            desk.recommend(RecommendRequest(user_id=f"u{number:02}", k=10), now).model_dump_json()
            taken.append(time.perf_counter() - began)
    return 1000 * float(np.median(taken[asked // 10 :]))


def measure(release, seconds, rounds=3):
    """Peaks in turns, so that both meet the same machine; then half of ours, open loop."""
    ours, theirs = [], []
    with service(release) as shop, peer(release) as url:
        peak(shop.url, 2), peak(url, 2)
        for _ in range(rounds):
            ours.append(peak(shop.url, seconds / rounds / 2))
            theirs.append(peak(url, seconds / rounds / 2))
        half = load(shop.url, max(1.0, np.median(ours) / 2), seconds)
    return float(np.median(ours)), float(np.median(theirs)), half


def main():
    """Print both rows."""
    options = argparse.ArgumentParser()
    options.add_argument("--items", type=int, default=50_000)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--release", type=Path)
    options.add_argument("--anyway", action="store_true")
    told = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        release = told.release or build(Path(folder) / "shop", told.items, vectors=True)
        quiet()
        parts = parts_ms(release)
        ours, theirs, half = measure(release, told.seconds)
    ratio = f"ratio {ours / theirs:.2f} (reach {THROUGHPUT})"
    print(f"throughput, one worker: {ours:.0f}/s, bare application {theirs:.0f}/s, {ratio}")
    against = f"{half['p50'] / parts:.2f} × the parts' {parts:.1f} ms (reach {P50})"
    print(f"half capacity: {half['sent']} asked, {half['failed']} failed")
    print(f"p50 {half['p50']:.1f} ms = {against}; p99 {half['p99']:.1f} ms (reach {P99_MS})")
    print(f"afterwards: {words(others())}")


if __name__ == "__main__":
    main()
