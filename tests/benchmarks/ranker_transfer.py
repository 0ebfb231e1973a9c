"""Trees, consensus and every model alone, judged a window later: `python -m tests.benchmarks.ranker_transfer PROJECT`.

PROJECT is the folder of a shop whose loop ran at least to `clean`. Its events before DATE are all there is: the last
window before DATE is foretold, the one before it trains the ranker, and nothing later is looked at, so that the loop's
own test window stays unseen. With --one-in N the users are parted into N shops of their own, of which the first
--shops are measured and pooled, because one small shop shows nothing. Printed are NDCG@10 on all and on new items, with
the difference from the best model in hindsight, paired by user, and its standard error.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core import bundle, environment, layout, rng, schema
from components.core.config import PARAMS_FILE, read_params
from components.core.progress import track
from components.core.schema import RANKER
from components.evaluation.held_out import ask
from components.evaluation.protocol import ALL, VIEWS, Task, task
from components.ranking.assemble import load_hybrid, untrained_hybrid
from components.ranking.hybrid import Hybrid
from components.ranking.lambdamart import Lambdamart
from components.ranking.training import (
    RankConfig,
    Table,
    buy_again,
    consensus,
    held_out_queries,
    training_table,
)
from components.splits import store
from components.steps.runner import find_step, read_config, read_seed
from components.steps.table import TRAIN_PREFIX, table

EVENTS = layout.CLEAN / f"{schema.INTERACTIONS_TABLE}.parquet"
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
CHOSEN = "as the loop decides"


@click.command()
@click.argument("project", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--until", required=True, help="Events from this moment on are not there, e.g. 2001-02-15.")
@click.option("--window-days", default=12, show_default=True, help="Length of both windows.")
@click.option("--one-in", default=1, show_default=True, help="Into how many shops the users are parted.")
@click.option("--shops", default=1, show_default=True, help="How many of these are measured.")
@click.option("--models", default="", help="Names in params.yaml, separated by commas; all by default.")
def main(project: Path, until: str, window_days: int, one_in: int, shops: int, models: str) -> None:
    """Print one row for every model alone and for every share of the trees."""
    environment.prepare()
    params = read_params(project / PARAMS_FILE)
    named = {name: how for name, how in params["models"].items() if not models or name in models.split(",")}
    params |= {"models": named, "rank": {k: v for k, v in params["rank"].items() if k != "candidates"}}
    params["split"] = {k: v for k, v in params["split"].items() if k not in ("test_share", "validation_share")}
    params["split"] |= {"method": "rolling", "windows": 2, "window_days": window_days}
    found: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: {view: [] for view in VIEWS})
    for shop in track(range(shops), "shops"):
        with tempfile.TemporaryDirectory() as folder:
            _prepare(Path(folder), project, params, datetime.fromisoformat(until), (one_in, shop))
            for name, views in _measured(Path(folder), params).items():
                for view, ndcg in views.items():
                    found[name][view].append(ndcg)
    _print({name: {view: np.concatenate(parts) for view, parts in views.items()} for name, views in found.items()})


def _prepare(root: Path, project: Path, params: dict, until: datetime, part: tuple[int, int]) -> None:
    """A shop of some users before a moment, its models fitted on both folds."""
    (root / layout.CLEAN).mkdir(parents=True)
    for path in (project / layout.CLEAN).glob("*.*"):
        (root / layout.CLEAN / path.name).symlink_to(path.resolve())
    events = pq.read_table(project / EVENTS)
    events = events.filter(pc.less(events[schema.TIMESTAMP], pa.scalar(until, events[schema.TIMESTAMP].type)))
    users = [user for user in pc.unique(events[schema.USER_ID]).to_pylist() if _part(user, part[0]) == part[1]]
    (root / EVENTS).unlink()
    pq.write_table(events.filter(pc.is_in(events[schema.USER_ID], pa.array(users))), root / EVENTS)
    for name in table(params):
        if name in ("split", "featurize", "reduce", "rank") or name.startswith(TRAIN_PREFIX):
            step = find_step(name, params)
            with bundle.originating({}):
                step.load()[0](read_config(step, params), root, read_seed(params))


def _part(user: str, parts: int) -> int:
    return int(hashlib.sha256(user.encode()).hexdigest()[:8], 16) % parts


def _measured(root: Path, params: dict) -> dict[str, dict[str, np.ndarray]]:
    config = read_config(find_step("rank", params), params)
    before, work = _fold(root, layout.VALIDATION_FOLD, config)
    draw = rng.stream(read_seed(params), "rank")
    learnt = training_table(before, work.histories, work.relevant[ALL], config, draw)
    held_out = held_out_queries(learnt.groups, config.held_out_share, draw)
    ranker = Lambdamart(config.lambdamart)
    ranker.fit(learnt.features, learnt.labels, learnt.groups, held_out, learnt.names, read_seed(params))
    ranker.normalization = before.context.normalizer.digest
    hybrid, asked = _fold(root, layout.TEST_FOLD, config)
    out: dict[str, dict[str, np.ndarray]] = {}
    for share in SHARES:
        _join(ranker, share, config, learnt, held_out)
        found = ask(replace(hybrid, ranker=ranker), asked).ndcg
        out |= {f"trees count {share}" if name == RANKER else name: views for name, views in found.items()}
    return out | {
        CHOSEN: ask(
            load_hybrid(
                root, layout.TEST_FOLD, store.load_dataset(root / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
            ),
            asked,
        ).ndcg[RANKER]
    }


def _join(ranker: Lambdamart, share: float, config: RankConfig, learnt: Table, held_out: np.ndarray) -> None:
    """Give the trees this share of the score."""
    ranker.consensus = ranker.buy_again = None
    ranker.consensus = consensus(config.consensus, ranker, learnt, held_out)
    if ranker.consensus is not None:
        ranker.consensus = replace(ranker.consensus, trees_share=share) if share < 1 else None
    ranker.buy_again = buy_again(config.buy_again, ranker, learnt, held_out)


def _fold(root: Path, fold: str, config: RankConfig) -> tuple[Hybrid, Task]:
    data = store.load_dataset(root / layout.SPLIT / fold / store.DATASET)
    hybrid = untrained_hybrid(root, fold, data, config.candidates, config.candidates_per_model, config.retrieval)
    return hybrid, task(*store.load_questions(root, fold, data))


def _print(found: dict[str, dict[str, np.ndarray]]) -> None:
    alone = [name for name in found if not name.startswith("trees count") and name != CHOSEN]
    best = max(alone, key=lambda name: np.nanmean(found[name][ALL]))
    for name, views in found.items():
        cells = []
        for view, ndcg in views.items():
            gain = ndcg - found[best][view]
            error = np.nanstd(gain) / np.sqrt((~np.isnan(gain)).sum())
            cells.append(f"{view} {np.nanmean(ndcg):.4f} ({np.nanmean(gain):+.4f} ± {error:.4f})")
        click.echo(f"{name:28} {'  '.join(cells)}")
    click.echo(f"{len(found[best][ALL])} users; differences from {best}")


if __name__ == "__main__":
    main()
