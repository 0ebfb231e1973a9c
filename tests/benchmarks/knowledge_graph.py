"""What vectors of a knowledge graph bring to two towers: `python -m tests.benchmarks.knowledge_graph DATA --work DIR`.

DATA is a folder of sequences with item_attributes.json. Triples (item, attribute, value) become vectors by TransE or
RotatE (features/graph_embedding.py), which the towers read beside the attributes' own embeddings, or in their place.
Protocol leave-last-out; NDCG@10 of new items, and the difference from the first line, paired by user, with its
standard error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from components.benchmark.protocols import Question
from components.core import environment, rng
from components.core.content import ItemContent
from components.core.model import Model
from components.core.ranking import NEW
from components.evaluation.protocol import CUTOFF, measure, ranked_lists
from components.evaluation.protocol import lists as lists_of
from components.features.graph_embedding import knowledge_vectors
from components.features.knowledge_graph import KnowledgeGraphConfig
from tests.benchmarks.ways import apart, asked_of

TOWERS = "two_tower"


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--seeds", default=1, show_default=True, help="Runs of every way.")
@click.option("--validation", is_flag=True, help="Ask the item before the last.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the folds.")
def main(data: Path, seeds: int, validation: bool, work: Path) -> None:
    """Print one row for every way."""
    environment.prepare()
    asked, specs = asked_of(data, "leave-last-out", (TOWERS,), work, validation=validation)
    known = asked.with_content()
    first = None
    for name, content in _ways(known.content):
        fits = [
            specs[TOWERS].model().fit(replace(known, content=content), rng.stream(seed, "graph", TOWERS))
            for seed in range(7, 7 + seeds)
        ]
        gains = np.mean([_gains(model, asked) for model in fits], axis=0)
        first = gains if first is None else first
        click.echo(f"{name:40} {gains.mean():.4f} ({apart(gains, first)})")


def _ways(content: ItemContent) -> Iterator[tuple[str, ItemContent]]:
    nothing = np.zeros((len(content), 0), np.float32)
    yield "attributes", content
    for way in ("transe", "rotate"):
        vectors = knowledge_vectors(content, KnowledgeGraphConfig(way=way), rng.stream(7, "graph", way))
        yield f"attributes and {way}", replace(content, vectors=vectors)
        yield f"{way} alone", ItemContent(vectors)
    yield "ids alone", ItemContent(nothing)


def _gains(model: Model, asked: Question) -> np.ndarray:
    """float (n,), NDCG@10 of every user who has something new to be foretold."""
    relevant = asked.task.relevant[NEW]
    ranked = ranked_lists(lambda block: lists_of(model.score(block), block, CUTOFF), asked.task.histories)[NEW]
    return measure(ranked, relevant, asked.task.n_items).per_user["ndcg"][relevant.getnnz(axis=1) > 0]


if __name__ == "__main__":
    main()
