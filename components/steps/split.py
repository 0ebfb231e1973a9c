"""split: one global cut-off per fold, before anything is fitted."""

from __future__ import annotations

from pathlib import Path

from components.core import layout
from components.core.bundle import replacing
from components.data.engine import read_parquet, write_parquet
from components.data.reference import check_cutoff
from components.data.undone import as_of, read_undone
from components.splits import store
from components.splits.temporal import SplitConfig, span, target, windows
from components.steps.result import StepResult


def split(config: SplitConfig, root: Path, seed: int) -> StepResult:
    """Write history, target and the indexed dataset of the validation and the test fold.

    A purchase that was cancelled at or after a cut-off is in that fold's history as it was bought: nobody knew yet.
    Reads   clean/interactions.parquet, clean/undone.parquet where cancellations undid purchases
    Writes  split/<fold>/{history.parquet,target.parquet,dataset/}
    """
    con = config.engine.open()
    interactions = read_parquet(con, root / layout.CLEAN / "interactions.parquet")
    undone = read_undone(con, root / layout.CLEAN)
    metrics: dict[str, float] = {}
    words = []
    with replacing(root / layout.SPLIT) as fresh:
        for window in windows(*span(interactions), config):
            folder = fresh / window.name
            folder.mkdir()
            check_cutoff(root / layout.CLEAN, window.cutoff)
            past = as_of(interactions, undone, window.cutoff)
            write_parquet(past, folder / store.HISTORY)
            write_parquet(target(interactions, window), folder / store.TARGET)
            data = store.build_dataset(past, window, config)
            store.save_dataset(folder / store.DATASET, data)
            facts = _facts(data, store.load_target(folder / store.TARGET, data))
            metrics |= {f"{window.name}_{name}": value for name, value in facts.items()}
            words.append(f"{window.name} from {window.cutoff:%Y-%m-%d}")
    con.disconnect()
    summary = (
        f"{', '.join(words)}; {metrics['test_items']:,.0f} items, {metrics['test_users']:,.0f} households; "
        f"{metrics['test_target_outside_share']:.1%} of the test purchases lie outside the catalogue"
    )
    return StepResult(summary, metrics)


def _facts(data, target) -> dict[str, float]:
    pairs = len(target.rows) + target.outside
    return {
        "users": len(data.users),
        "items": len(data.items),
        "events": len(data.histories.items),
        "target_pairs": len(target.rows),
        "target_outside_share": target.outside / max(pairs, 1),
        "target_unknown_users": target.unknown_users,
    }
