"""/search over HTTP: a million synthetic titles behind a real service, asked open loop from a second process.

python -m tests.load.search_http [--items 1000000] [--seconds 60] [--anyway]

One worker, at half of what it answers when it is always asked. The release beside the index is that of a small shop:
its ranker orders what a person finds of its 2,000 items.
"""

import argparse
import tempfile
from pathlib import Path

from components.core.rng import stream
from components.search.build import BuildConfig, build
from components.search.items import read_items
from tests.faults.shop_service import ITEMS, USERS
from tests.load import shop
from tests.load.lines import Line, told
from tests.load.machine import others, quiet, words
from tests.load.open_loop import load, peak
from tests.load.search_scale import queries, synthetic_items
from tests.load.servers import service

P50_MS = 10.0
ASKED = 400


def index_of(items, folder):
    """Write the index of so many titles to `folder`/index; returns queries for it."""
    rng = stream(7, "search over http")
    titles = synthetic_items(folder / "items.parquet", items, rng)
    build(read_items(folder / "items.parquet", {}), BuildConfig(vectors=False), folder / "index", rng)
    return queries(titles, rng, ASKED)


def ways(asked):
    """Way to search → the bodies of its requests."""
    return {
        "by words": [{"query": query} for query in asked],
        "with facets, a category and a price": [
            {"query": query, "facets": 10, "filters": {"categories": ["department 3"], "max_price": 30}}
            for query in asked
        ],
        "in a person's order": [{"query": query, "user_id": f"u{n % USERS:02}"} for n, query in enumerate(asked)],
    }


def measure(searched, asked, seconds):
    """Way → what an open loop at half capacity found, and the capacity."""
    found = {}
    for way, bodies in ways(asked).items():
        most = peak(searched.url, max(2, seconds / 10), path="/search", bodies=bodies)
        half = load(searched.url, max(1.0, most / 2), seconds, path="/search", bodies=bodies)
        times = f"p50 {half['p50']:.1f} ms, p99 {half['p99']:.1f} ms, {half['sent']} asked"
        print(f"{way}: {most:.0f}/s; at half of it {times}")
        found[way] = half | {"most": most}
    return found


def main():
    """Print the rows; returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--items", type=int, default=1_000_000)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--anyway", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="shoploop-load-") as name:
        folder = Path(name)
        release, texts = shop.build(folder / "shop", ITEMS, USERS), index_of(asked.items, folder)
        with service(release, SHOPLOOP_SEARCH=str(folder / "index")) as searched:
            quiet()
            found = measure(searched, texts, asked.seconds)
    print(f"{asked.items:,} titles, one worker; afterwards: {words(others())}")
    return told(
        line
        for way, half in found.items()
        for line in (
            Line(f"p50 over HTTP {way}", half["p50"], P50_MS, " ms"),
            Line(f"failed {way}", half["failed"], 0),
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
