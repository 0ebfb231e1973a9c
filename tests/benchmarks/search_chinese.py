"""How Chinese is best cut, and whether vectors pay, on the judged shop of tests/components/search/judged.py.

`python -m tests.benchmarks.search_chinese` prints NDCG@10 of every cut and every way of searching.
"""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.core.rng import stream
from components.search.build import BuildConfig, build
from components.search.index import MODES
from components.search.items import made
from components.search.load import load
from components.search.measure import run

JUDGED = Path(__file__).parents[1] / "components" / "search" / "judged.py"
COLUMNS = {"id": ("id",), "title": ("title",), "category": ("category",), "brand": ("brand",), "price": ("price",)}


def main() -> None:
    """Print the figures."""
    shop = runpy.run_path(str(JUDGED))
    names = ("id", "title", "category", "brand", "price", "text")
    rows = [(key, *values) for key, values in shop["PRODUCTS"].items()]
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    items = made(table, COLUMNS | {"text": ("text",), "stock": ()}, 0, (), "the judged shop")
    chinese = np.array([not query.isascii() for query in shop["JUDGED"]])
    print(f"{len(items.table)} products, {len(chinese)} queries, {chinese.sum()} of them Chinese; NDCG@10")
    for cut in ("bigrams", "words", "both", "characters"):
        with tempfile.TemporaryDirectory() as folder:
            build(items, BuildConfig(chinese=cut), Path(folder) / "index", stream(7, "search"))
            index = load(Path(folder) / "index")
            for mode in MODES:
                ndcg = run(index, shop["JUDGED"], mode)[0].figures["ndcg_at_10"]
                print(f"{cut:<11} {mode:<8} Chinese {ndcg[chinese].mean():.4f}   all {ndcg.mean():.4f}")


if __name__ == "__main__":
    main()
