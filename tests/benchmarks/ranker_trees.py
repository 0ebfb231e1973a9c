"""How the trees of the benchmark's ranker are best grown: `python -m tests.benchmarks.ranker_trees OUT`.

OUT is the folder of a finished `shoploop benchmark` that had a ranker. Its models as they were fitted without the
validation item propose candidates; trees learn on two thirds of the users and order the whole candidates of the rest,
so that every user is asked once, by the trees alone and by trees and the models' consensus together (decision 44).
Nothing of the fold that the benchmark asked is looked at. NDCG@10 of that item.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from components.benchmark.entrants.ranker import RankerConfig
from components.benchmark.fits import Fits, fit_key
from components.benchmark.protocols import Question, earlier, question
from components.benchmark.worker import Job
from components.core import environment
from components.core.config import parse
from components.core.progress import track
from components.core.ranking import ALL, NEW
from components.ranking.consensus import ConsensusConfig
from components.ranking.context import bare_context
from components.ranking.hybrid import Hybrid
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.ranking.training import Table, consensus, held_out_queries, training_table
from tests.benchmarks.ways import apart

PARTS = 3
EVERY = 10**6  # candidates of a user: none is left out of those that are ordered
STOPPED = {"trees": 400, "learning_rate": 0.06, "max_depth": 6, "patience": 40}
WAYS = {
    "stopped by 15 % of the users": STOPPED,
    "all 200, depth 6": {"trees": 200, "learning_rate": 0.05, "max_depth": 6, "patience": None},
    "all 400, depth 6": {"trees": 400, "learning_rate": 0.05, "max_depth": 6, "patience": None},
    "all 200, depth 4": {"trees": 200, "learning_rate": 0.05, "max_depth": 4, "patience": None},
    "all 400, depth 4": {"trees": 400, "learning_rate": 0.05, "max_depth": 4, "patience": None},
    "all 80, depth 3": {"trees": 80, "learning_rate": 0.05, "max_depth": 3, "patience": None},
}


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--without", default="", help="Candidates to leave out, separated by commas.")
@click.option("--only", default=len(WAYS), help="So many of the ways.")
@click.option("--skip", default=0, help="Not the first so many of them.")
def main(out: Path, without: str, only: int, skip: int) -> None:
    """Print NDCG@10 of every way, and its difference from the line before, paired by user, with its standard error."""
    environment.prepare()
    job = _ranker_of(out)
    config = parse(RankerConfig, job.specs[job.name].params, "ranker")
    names = [name for name in config.candidates if name not in without.split(",")]
    asked = question(Path(job.prepared), earlier(job.fold))
    models, context = _fitted(job, asked, names), bare_context(asked.data)
    hybrid = Hybrid(models, context, None, config.candidates_per_model)
    tables = [_table(hybrid, asked, config, negatives) for negatives in (EVERY, config.negatives_per_user)]
    n, before = len(asked.task.histories), _best_alone(tables[0], names, len(asked.task.histories))
    for name, way in list(WAYS.items())[skip : skip + only]:
        ordered, trees = _ordered(*tables, LambdamartConfig(**way, threads=1), n)
        for gains, joined in zip(ordered, ("", ", consensus"), strict=True):
            click.echo(f"{name + joined:40} {gains.mean():.4f}  {apart(gains, before):18}  trees {trees}")
            before = gains


def _best_alone(whole: Table, names: list[str], n: int) -> np.ndarray:
    """float (n,), every user's NDCG@10 by the one model that is best among the candidates of all."""
    gains = {
        name: _ndcg(whole.groups // 2, whole.labels, whole.features[:, whole.names.index(f"score.{name}")], n)
        for name in names
    }
    best = max(gains, key=lambda name: gains[name].mean())
    click.echo(f"{best + ' alone':40} {gains[best].mean():.4f}")
    return gains[best]


def _ranker_of(out: Path) -> Job:
    jobs = [Job.read(path) for path in sorted((out / ".work" / "jobs").glob("*.json"), key=lambda p: p.stat().st_mtime)]
    found = [job for job in jobs if job.specs[job.name].component == "ranker"]
    if not found:
        raise click.ClickException(f"{out}: no ranker among the lines of this benchmark; add one to --models")
    return found[-1]


def _fitted(job: Job, asked: Question, names: list[str]) -> dict:
    fits = Fits(Path(job.fits), {n: s for n, s in job.specs.items() if s.is_model}, job.seed)
    missing = [n for n in names if not (fits.folder / fit_key(job.specs[n], asked, job.seed)).is_dir()]
    if missing:
        click.echo(f"fitted again, as the code or its options changed since: {', '.join(missing)}")
    return {name: fits.fitted(name, asked) for name in names}


def _table(hybrid: Hybrid, asked: Question, config: RankerConfig, negatives: int) -> Table:
    task, chosen = asked.task, config.model_copy(update={"negatives_per_user": negatives})
    draw = np.random.default_rng(0)
    return training_table(
        hybrid, task.histories, task.relevant[ALL], chosen, draw, lambda b: track(b, "candidates"), (NEW,)
    )


def _ordered(
    whole: Table, sampled: Table, config: LambdamartConfig, n: int
) -> tuple[tuple[np.ndarray, np.ndarray], list[int]]:
    """float (n,), every user's NDCG@10 by trees and with the consensus, and how many trees each part's ranker has."""
    part = np.random.default_rng(0).integers(PARTS, size=n)
    alone, joined, trees = np.zeros(len(whole.labels)), np.zeros(len(whole.labels)), []
    useful = np.isin(sampled.groups, sampled.groups[sampled.labels > 0])  # a query without any teaches no order
    for at in range(PARTS):
        others = part[sampled.groups // 2] != at
        learnt = sampled.keep(useful & others)
        held_out = np.zeros(len(learnt.groups), dtype=bool)
        if config.patience is not None:
            held_out = held_out_queries(learnt.groups, 0.15, np.random.default_rng(at))
        ranker = Lambdamart(config)
        ranker.fit(learnt.features, learnt.labels, learnt.groups, held_out, sampled.names, at)
        asked, all_others = part[whole.groups // 2] == at, sampled.keep(others)
        alone[asked] = ranker.predict(whole.features[asked])
        ranker.consensus = consensus(
            ConsensusConfig(), ranker, all_others, np.zeros(len(all_others.groups), dtype=bool)
        )
        joined[asked] = ranker.predict(whole.features[asked])
        trees.append(ranker.trees)
    return tuple(_ndcg(whole.groups // 2, whole.labels, scores, n) for scores in (alone, joined)), trees


def _ndcg(rows: np.ndarray, labels: np.ndarray, scores: np.ndarray, n: int) -> np.ndarray:
    """float (n,), of one item for each user."""
    order = np.lexsort((-scores, rows))
    rows, labels = rows[order], labels[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    gains = np.where((labels > 0) & (place < 10), 1 / np.log2(place + 2), 0)
    return np.bincount(rows, weights=gains, minlength=n)


if __name__ == "__main__":
    main()
