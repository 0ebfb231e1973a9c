"""What the benchmarks call our preparation: the steps clean and split, and the tables of featurize."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

VOLUMES = ["COUPON/MISC ITEMS", "FUEL"]


def stages(project: Path, engine_config) -> dict[str, Callable[[], object]]:
    """The stages by name, in their order; `project` holds validated tables.

    Of clean also the report is made, of split also the guard against leaks; of featurize the text matrix is not.
    """
    from components.data.policy import CleanConfig
    from components.splits.methods.temporal import TemporalConfig
    from components.steps.clean import clean
    from components.steps.split import split

    cleaning = CleanConfig(cleaners={"units": {"volume_categories": VOLUMES}}, engine=engine_config)
    return {
        "clean": lambda: clean(cleaning, project, 0),
        "split": lambda: split(TemporalConfig(engine=engine_config), project, 0),
        "features": lambda: features(project, engine_config),
    }


def features(project: Path, engine_config) -> None:
    """Item, context and user columns of both folds."""
    from components.core import layout
    from components.data.engine import holding, read_parquet, write_parquet
    from components.features.tabular import context_features, item_features, pairs_of, user_features
    from components.splits import store

    con = engine_config.open()
    items, promotions = (read_parquet(con, project / layout.CLEAN / f"{n}.parquet") for n in ("items", "promotions"))
    for fold in layout.FOLDS:
        folder, out = project / layout.SPLIT / fold, project / layout.FEATURES / fold
        cutoff = datetime.fromtimestamp(store.load_dataset(folder / store.DATASET).now, UTC).replace(tzinfo=None)
        past = read_parquet(con, folder / store.HISTORY)
        with holding(pairs_of(past)) as pairs:
            write_parquet(item_features(past, cutoff, pairs), out / "items.parquet")
            write_parquet(user_features(past, items, cutoff, ("Private",), pairs), out / "users.parquet")
        write_parquet(context_features(past, promotions, cutoff), out / "context.parquet")
    con.disconnect()


def warm_up(engine_config) -> None:
    """Import what the stages import at their first use, so that it is not taken for work."""
    import ibis

    from components.report.figures import new_figure

    con = engine_config.open()
    con.create_table("imports", ibis.memtable({"a": [1]})).to_pyarrow()  # Ibis imports pandas at its first result
    con.disconnect()
    new_figure().clear()


def cpu_seconds() -> float:
    """CPU time of this process and its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
