"""index: the search index of the release, from the clean items, judged on the shop's queries where it has any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from components.core import bundle, layout, rng, schema
from components.core.errors import DataError
from components.report.page import Page
from components.search.build import BuildConfig, Extras, build
from components.search.evaluate import PAGE, REPORT, evaluate
from components.search.items import Items, of_canonical
from components.search.judgments import of_canonical as canonical_judgments
from components.search.load import OFF, load
from components.search.synonyms import read_rules
from components.splits import store
from components.steps.result import StepResult


class IndexConfig(BuildConfig):
    """Section `search`: whether there is an index, and how it is built.

    enabled   False makes a release without /search
    synonyms  file of rules `sofa, couch` and `tv => television`, relative to the project
    """

    enabled: bool = True
    synonyms: str | None = Field(default=None, min_length=1, max_length=500)


def index(config: IndexConfig, root: Path, seed: int) -> StepResult:
    """Build the index and, where the shop has judged queries, measure it.

    Reads   clean/items.parquet, clean/queries.parquet where it is there, split/test/ (what is popular)
    Writes  search/ (a sealed index), search_evaluation/{report.json,report.html,ranked.parquet}
    """
    if not config.enabled:
        _leave_out(root)
        return StepResult("no search index: params.yaml says search.enabled: false")
    items = of_canonical(pq.read_table(root / layout.CLEAN / "items.parquet"))
    extras = Extras(rules=_rules(config, root), popularity=_popularity(items, root))
    build(items, config, root / layout.SEARCH, rng.stream(seed, "search"), extras)
    report = _judge(root, seed)
    files = tuple(root / layout.SEARCH_EVALUATION / name for name in (PAGE, REPORT))
    size = sum(f.stat().st_size for f in (root / layout.SEARCH).rglob("*") if f.is_file()) / 1e6
    metrics = {"items": float(items.table.num_rows), "megabytes": size} | _metrics(report)
    judged = f"NDCG@10 {metrics['ndcg_at_10']:.4f}" if "ndcg_at_10" in metrics else "no judged queries"
    return StepResult(f"{items.table.num_rows:,} items can be searched; {judged}", metrics, artifacts=files)


def _rules(config: IndexConfig, root: Path) -> list:
    if config.synonyms is None:
        return []
    path = (root / config.synonyms).resolve()
    if not path.is_relative_to(root.resolve()):
        raise DataError(f"params.yaml: search.synonyms: '{config.synonyms}' lies outside the project.")
    return read_rules(path)


def _popularity(items: Items, root: Path) -> np.ndarray:
    """float (items,): events of each item that the release may know of."""
    history = pq.read_table(
        root / layout.SPLIT / layout.TEST_FOLD / store.HISTORY, columns=[schema.ITEM_ID]
    )  # before the cut-off
    counts = pc.value_counts(history[schema.ITEM_ID].cast(pa.string())).flatten()
    known = dict(zip(counts[0].to_pylist(), counts[1].to_pylist(), strict=True))
    return np.array([known.get(item, 0) for item in items.table[schema.ITEM_ID].to_pylist()], dtype=np.float64)


def _judge(root: Path, seed: int) -> dict[str, Any] | None:
    queries = root / layout.CLEAN / f"{schema.QUERIES_TABLE}.parquet"
    loaded = load(root / layout.SEARCH)
    known = loaded.items[schema.ITEM_ID].to_pylist()
    judged = canonical_judgments(pq.read_table(queries), known) if queries.exists() else None
    if judged is None or not judged.grades:
        why = "the shop has no judged queries" if judged is None else "no judged query is of an item in the index"
        with bundle.replacing(root / layout.SEARCH_EVALUATION) as fresh:
            bundle.write_json(fresh / REPORT, {"queries": 0, "why": why})
            Page("Search on judged queries").text(f"Not measured: {why}.").write(fresh / PAGE)
        return None
    return evaluate(loaded, judged, root / layout.SEARCH_EVALUATION, rng.stream(seed, "search evaluation"))


def _leave_out(root: Path) -> None:
    for place in (layout.SEARCH, layout.SEARCH_EVALUATION):
        with bundle.replacing(root / place) as fresh:
            bundle.write_json(fresh / OFF, {"why": "search.enabled is false"})


def _metrics(report: dict[str, Any] | None) -> dict[str, float]:
    if report is None:
        return {}
    main = report["modes"][report["mode"]]
    means = {name: cell["mean"] for name, cell in main.items() if isinstance(cell, dict)}
    return {name: value for name, value in means.items() if value is not None} | {
        "zero_result_rate": main["zero_result_rate"]
    }
