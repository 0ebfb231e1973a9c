"""inspect: judge every fold's features by the suites in expectations/features/, before a ranker is fitted on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.core import bundle, layout
from components.core.errors import DataError
from components.data import engine
from components.quality import features
from components.quality.judge import judge_tables
from components.quality.page import rules_page
from components.quality.suites import ANY_SOURCE, STOP, WARN, Suite, load_suites
from components.quality.verdict import Verdict
from components.ranking.context import CONTEXT_FEATURES, ITEM_FEATURES, USER_FEATURES
from components.splits import store
from components.steps.featurize import FeaturizeConfig
from components.steps.result import StepResult

FILES = {features.ITEMS: ITEM_FEATURES, features.CONTEXT: CONTEXT_FEATURES, features.USERS: USER_FEATURES}
SECTION = "params.yaml: featurize.thresholds"


def inspect(config: FeaturizeConfig, root: Path, seed: int) -> StepResult:
    """Hold the features to their suites and to the ids of their datasets.

    Reads   features/<fold>/, split/<fold>/dataset/, expectations/features/
    Writes  inspection/report.{html,json}
    Raises  DataError after the report is written if a rule says stop, could not be judged, or looked at nothing.
    """
    judged, tables = _laid_out(root, config)
    limits = engine.settings(config.engine.memory_limit_gb, config.engine.threads)
    verdicts = judge_tables(judged, tables, limits)
    with bundle.replacing(root / layout.INSPECTION) as fresh:
        page = rules_page("Features", "Suites in expectations/features/, judged by Great Expectations.", verdicts)
        page.write(fresh / "report.html")
        bundle.write_json(fresh / "report.json", {"rules": [v.as_dict() for v in verdicts]})
    _stop_if_told(verdicts)
    warnings = sum(v.follows == WARN for v in verdicts)
    metrics = {"rules": len(verdicts), "warnings": warnings, "tables": len(tables)}
    return StepResult(
        f"{len(verdicts)} rules on {len(tables)} tables of features, {warnings} warnings",
        metrics,
        artifacts=(root / layout.INSPECTION / "report.html", root / layout.INSPECTION / "report.json"),
    )


def _laid_out(root: Path, config: FeaturizeConfig) -> tuple[list[Suite], dict]:
    """Suites and tables of all folds, by the same names."""
    suites = load_suites(root / layout.FEATURE_EXPECTATIONS, ANY_SOURCE, config.thresholds, SECTION)
    judged, tables = [], {}
    for fold in layout.FOLDS:
        data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
        with_a_past = data.items.ids[np.unique(data.histories.items)]  # a cold item has no features yet
        found = features.fold_tables(root / layout.FEATURES / fold, FILES, with_a_past, data.users.ids)
        judged += features.fold_suites(suites, fold, found)
        tables |= {f"{fold}_{name}": table for name, table in found.items()}
    return judged, tables


def _stop_if_told(verdicts: list[Verdict]) -> None:
    stops = [v for v in verdicts if v.follows == STOP]
    if stops:
        reasons = "\n".join(f"- {v.table}: {v.words}: {v.broken or v.observed or 'it does not hold'}" for v in stops)
        raise DataError(
            f"inspect: the features are refused, {len(stops)} of {len(verdicts)} rules say stop:\n{reasons}\n"
            f"See {layout.INSPECTION}/report.html; repair components/features/, or the rule in "
            f"{layout.FEATURE_EXPECTATIONS}/ if that is wrong."
        )
