"""Throughput and latency of /recommend, against a bare application doing the same work and the sum of its parts.

python -m tests.load.recommend [--items 50000] [--seconds 60] [--release FOLDER] [--anyway]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.load.lines import Line, told
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


def measure(shop_url, peer_url, seconds, rounds=3):
    """Peaks in turns, so that both meet the same machine; then half of ours, open loop."""
    ours, theirs, warm = [], [], min(2, seconds)
    peak(shop_url, warm), peak(peer_url, warm)
    for _ in range(rounds):
        ours.append(peak(shop_url, seconds / rounds / 2))
        theirs.append(peak(peer_url, seconds / rounds / 2))
    half = load(shop_url, max(1.0, np.median(ours) / 2), seconds)
    return float(np.median(ours)), float(np.median(theirs)), half


def lines_of(ours, theirs, half, parts):
    """Figures and their lines."""
    return [
        Line("throughput against the bare application", ours / theirs, THROUGHPUT, " ×", least=True),
        Line("p50 at half capacity against its parts", half["p50"] / parts, P50, " ×"),
        Line("p99 at half capacity", half["p99"], P99_MS, " ms"),
        Line("failed at half capacity", half["failed"], 0),
    ]


def main():
    """Print both rows; returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--items", type=int, default=50_000)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--release", type=Path)
    options.add_argument("--anyway", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        release = asked.release or build(Path(folder) / "shop", asked.items, vectors=True)
        quiet()
        parts = parts_ms(release)
        with service(release) as shop, peer(release) as url:
            ours, theirs, half = measure(shop.url, url, asked.seconds)
    print(f"throughput, one worker: {ours:.0f}/s, bare application {theirs:.0f}/s")
    print(f"half capacity: {half['sent']} asked; p50 {half['p50']:.1f} ms, its parts {parts:.1f} ms")
    print(f"afterwards: {words(others())}")
    return told(lines_of(ours, theirs, half, parts))


if __name__ == "__main__":
    raise SystemExit(main())
