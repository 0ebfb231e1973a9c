"""Search over a million synthetic titles: seconds to index, and milliseconds a query, warm.

python -m tests.load.search_scale [--items 1000000] [--no-vectors] [--anyway]

All in this process. The titles are synthetic: words drawn by Zipf's law from 60,000, as many brands and categories
as a large shop has, one title in ten Chinese. What it says of speed holds for real titles of that length; of quality it
says nothing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.rng import stream
from components.search.build import BuildConfig, build
from components.search.engine import Filters
from components.search.index import MODES, SearchIndex
from components.search.items import read_items
from components.search.load import load
from tests.load.lines import Line, told
from tests.load.machine import others, quiet, words

INDEXED_S, P50_MS = 60.0, 10.0
WORDS, BRANDS, CATEGORIES, QUERIES = 60_000, 20_000, 1_200, 400
HAN = "电脑手机耳机牛奶苹果沙发运动鞋女士男士儿童无线蓝牙充电器保温杯连衣裙巧克力咖啡茶叶书包家用智能轻薄防水便携大容量"
SYLLABLES = [c + v for c in "bcdfghklmnprstvz" for v in "aeiou"]


def main() -> int:
    """Print the figures; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--no-vectors", action="store_true")
    parser.add_argument("--anyway", action="store_true")
    arguments = parser.parse_args()
    quiet()
    built_s, rows = measure(arguments.items, vectors=not arguments.no_vectors)
    print(f"afterwards: {words(others())}")
    return told([
        Line("seconds to index", built_s, INDEXED_S, " s"),
        *(Line(f"p50 {name}", rows[name]["p50"], P50_MS, " ms") for name in ("lexical", "fused") if name in rows),
    ])  # fmt: skip


def measure(n: int, *, vectors: bool, asked: int = QUERIES) -> tuple[float, dict[str, dict[str, float]]]:
    """Seconds to index so many titles, and what every way to ask them found and took; all in this process."""
    rng = stream(7, "search scale")
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "items.parquet", Path(folder) / "index"
        titles = synthetic_items(file, n, rng)
        started, cpu = time.perf_counter(), _cpu_seconds()
        items = read_items(file, {})
        read_s = time.perf_counter() - started
        build(items, BuildConfig(vectors=vectors), out, rng)
        built_s, cpu_s = time.perf_counter() - started, _cpu_seconds() - cpu
        megabytes = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
        print(f"{n:,} synthetic titles")
        print(f"index: {built_s:.1f} s ({cpu_s:.1f} CPU s, {read_s:.1f} s of it reading), {megabytes:,.0f} MB")
        del items
        started = time.perf_counter()
        index = load(out)
        index.warm()
        print(f"load and verify: {time.perf_counter() - started:.1f} s")
        return built_s, _ask(index, queries(titles, rng, asked))


def synthetic_items(file: Path, n: int, rng: np.random.Generator) -> list[str]:
    """Write n items and return their titles."""
    words = np.array(sorted({_word(rng) for _ in range(WORDS * 2)})[::2][:WORDS])
    rng.shuffle(words)
    share = 1 / np.arange(10, len(words) + 10)
    drawn = words[rng.choice(len(words), (n, 8), p=share / share.sum())]
    lengths = rng.integers(3, 9, n)
    chinese = rng.random(n) < 0.1
    runs = rng.integers(0, len(HAN) // 2, (n, 5)) * 2
    sizes = rng.choice([100, 250, 500, 750, 1000], n)
    titles = [
        "".join(HAN[i : i + 2] for i in runs[row]) if chinese[row]
        else " ".join(drawn[row, : lengths[row]]) + (f" {sizes[row]} ml" if row % 4 == 0 else "")
        for row in range(n)
    ]  # fmt: skip
    kinds = rng.integers(0, CATEGORIES, n)
    pq.write_table(
        pa.table({
            "item_id": [f"i{row:06}" for row in range(n)],  # the first are items of the shop in shop.py too
            "title": titles,
            "brand": [f"brand {b}" for b in rng.zipf(1.3, n) % BRANDS],
            "category": [f"department {k % 20} > category {k}" for k in kinds],
            "price": np.round(rng.lognormal(3, 1, n), 2),
        }), file,
    )  # fmt: skip
    return titles


def queries(titles: list[str], rng: np.random.Generator, asked: int) -> list[str]:
    """One to three words of a title each; one in ten with a letter too few, which must be corrected."""
    out = []
    for row in rng.integers(0, len(titles), asked):
        words = titles[row].split()
        chosen = list(rng.permutation(words)[: rng.integers(1, 4)])
        if rng.random() < 0.1 and len(chosen[0]) > 5:
            chosen[0] = chosen[0][:2] + chosen[0][3:]
        out.append(" ".join(chosen)[:24])
    return out


def _ask(index: SearchIndex, asked: list[str]) -> dict[str, dict[str, float]]:
    rows = [(mode, lambda q, mode=mode: index.search(q, 10, mode=mode).hits.rows) for mode in MODES]
    narrowed = Filters(categories=("department 3",), max_price=30.0)
    rows += [
        ("lexical, category and price", lambda q: index.search(q, 10, narrowed, "lexical").hits.rows),
        ("lexical with facets", lambda q: index.facets(index.search(q, 10, mode="lexical"), None, 10)),
        ("suggest", lambda q: index.suggest(q[:3], 8)),
    ]
    out = {}
    for name, ask in rows:
        if name in ("dense", "fused") and index.parts.space is None:
            continue
        for query in asked[:50]:
            ask(query)
        took, found, cpu = [], 0, _cpu_seconds()
        for query in asked:
            started = time.perf_counter()
            answer = ask(query)
            took.append(1000 * (time.perf_counter() - started))
            found += len(answer) > 0
        p50, p99 = np.quantile(took, [0.5, 0.99])
        spent = 1000 * (_cpu_seconds() - cpu) / len(asked)
        print(f"{name:<28} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   {spent:6.2f} CPU ms a query")
        out[name] = {"p50": float(p50), "p99": float(p99), "found": found}
    return out


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(SYLLABLES, rng.integers(2, 5)))


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    raise SystemExit(main())
